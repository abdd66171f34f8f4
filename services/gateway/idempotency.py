"""`Idempotency-Key` on the routes that create: read before anything is done, and in the OpenAPI document.

The key goes with the request to the service that writes, which records it in the same transaction (`once.py`).
"""

from dataclasses import dataclass

from litestar.handlers import BaseRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIHeader, OpenAPIResponse, OpenAPIType, Operation, Parameter, Schema

from services.gateway.core.idempotency import HEADER, MAX_LENGTH, REPLAYED, key_of
from services.gateway.notes import Connection, notes_of

IN_PROGRESS = "request-in-progress"
REUSED = "idempotency-key-reused"


def readable_key(connection: Connection, _: BaseRouteHandler) -> None:
    """Note the request's key. Raises Malformed."""
    notes_of(connection).idempotency_key = key_of(connection.headers.getall(HEADER, []))


@dataclass
class Repeatable(Operation):
    """An operation whose request may be repeated with a key."""

    def __post_init__(self) -> None:
        """Add the header to the parameters, and to the answers those that come with it."""
        self.parameters = [*(self.parameters or []), _KEY]
        for status, answer in (self.responses or {}).items():
            if isinstance(answer, OpenAPIResponse) and status in _HEADERS:
                answer.headers = {**(answer.headers or {}), **_HEADERS[status]}


def repeatable(answers: dict[int, ResponseSpec]) -> dict[int, ResponseSpec]:
    """Return the answers of a route with what a key can be answered."""
    said = {
        409: f"With a key, `/problems/{IN_PROGRESS}`: its first request has no answer yet; repeat after `Retry-After`",
        422: f"With a key, `/problems/{REUSED}`: it came with another request before",
    }
    more = {status: _also(answers[status], words) for status, words in said.items()}
    return {**answers, **more}


def _also(spec: ResponseSpec, said: str) -> ResponseSpec:
    return ResponseSpec(
        spec.data_container,
        media_type=spec.media_type,
        description=f"{spec.description}. {said}",
        generate_examples=spec.generate_examples,
    )


_REPLAYED = OpenAPIHeader(
    schema=Schema(type=OpenAPIType.STRING),
    description="`true` when the answer is the one that the key's first request got",
)
_LATER = OpenAPIHeader(
    schema=Schema(type=OpenAPIType.INTEGER, minimum=1),
    description=f"Seconds after which to try again, with `/problems/{IN_PROGRESS}`",
)
_HEADERS = {
    **{status: {REPLAYED: _REPLAYED} for status in ("200", "201", "202")},
    "409": {"Retry-After": _LATER},
}
_KEY = Parameter(
    name=HEADER,
    param_in="header",
    required=False,
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=MAX_LENGTH),
    description=(
        "Makes the request safe to repeat: for 24 hours the same key with the same request is answered as the first "
        "time and nothing is done again. Choose a new one, such as a UUID, for each thing to create"
    ),
)

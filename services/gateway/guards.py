"""Refuses what a route does not know before its handler runs: query parameters, media types."""

from collections.abc import Callable
from urllib.parse import parse_qsl

from litestar.handlers import BaseRouteHandler
from litestar.types import Guard

from services.gateway.notes import Connection
from services.gateway.problems import CodedBody, UnsupportedMedia
from shared.contracts.errors import InputError, Malformed

_JSON_TYPES = ("application/json", "application/merge-patch+json")
_FORM_TYPES = ("multipart/form-data",)

Check = Callable[[Connection, BaseRouteHandler], None]


def guard(*checks: Check) -> Guard:
    """Return one guard that runs `checks` in order.

    Litestar runs a plain function in a thread, and copies the handler for every guard: together more than a hit costs.
    """

    async def run(connection: Connection, handler: BaseRouteHandler) -> None:
        for check in checks:
            check(connection, handler)

    return run


def known_query(connection: Connection, handler: BaseRouteHandler) -> None:
    """Raise Malformed for a query parameter that the handler does not take, or one given twice."""
    if not connection.scope["query_string"]:
        return
    known = handler.parsed_fn_signature.parameters.keys() - {"request", "data"}
    seen: set[str] = set()
    for name, _ in parse_qsl(connection.scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if name not in known or name in connection.path_params:
            raise Malformed(
                f"There is no query parameter {name}", errors=(InputError(f"/query/{name}", "unknown parameter"),)
            )
        if name in seen:
            raise Malformed(f"{name} is given twice", errors=(InputError(f"/query/{name}", "given twice"),))
        seen.add(name)


def json_body(connection: Connection, _: BaseRouteHandler) -> None:
    """Raise UnsupportedMedia for a body that is not said to be plain JSON."""
    _check_media(connection, _JSON_TYPES)


def form_body(connection: Connection, _: BaseRouteHandler) -> None:
    """Raise UnsupportedMedia for a body that is not said to be a plain multipart form."""
    _check_media(connection, _FORM_TYPES)


def _check_media(connection: Connection, allowed: tuple[str, ...]) -> None:
    media = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media not in allowed:
        raise UnsupportedMedia(f"Send the body as {allowed[0]}, not {media or 'without a Content-Type'}")
    coding = connection.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise CodedBody(f"Send the body without a Content-Encoding, not as {coding}")

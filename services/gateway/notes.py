"""What is noted about a request on its way through: ids, who asks, how fresh the answer must be, where time went."""

from collections.abc import Mapping
from typing import Any, cast

from litestar.connection import ASGIConnection

from shared.contracts.values import Principal

_KEY = "aurelius.notes"

Connection = ASGIConnection[Any, Any, Any, Any]


class Notes:
    """One per request. `wanted` are the versions its Consistency-Token names, `stages` seconds by stage.

    `idempotency_key` is empty without one, and on routes that take none.
    """

    __slots__ = ("idempotency_key", "principal", "request_id", "stages", "traceparent", "wanted")

    def __init__(self, request_id: str, traceparent: str) -> None:
        self.request_id = request_id
        self.traceparent = traceparent
        self.principal: Principal | None = None
        self.idempotency_key = ""
        self.wanted: dict[str, int] = {}
        self.stages: dict[str, float] = {}

    def spent(self, stage: str, seconds: float) -> None:
        """Add time to a stage of the answer's `Server-Timing`."""
        self.stages[stage] = self.stages.get(stage, 0.0) + seconds

    @property
    def caller(self) -> Principal:
        """Who asks, on a route whose guard has let them in."""
        if self.principal is None:
            raise RuntimeError("this route has no guard that authenticates")
        return self.principal


def attach(scope: dict[str, Any], notes: Notes) -> None:
    """Put `notes` where `notes_of` finds them."""
    scope[_KEY] = notes


def notes_of(connection: Connection) -> Notes:
    """Return the notes of a request."""
    return notes_in(cast("Mapping[str, Any]", connection.scope))


def notes_in(scope: Mapping[str, Any]) -> Notes:
    """Return the notes of a request that is no connection of the framework's yet."""
    return cast("Notes", scope[_KEY])

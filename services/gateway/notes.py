"""What is noted about a request on its way through: ids, who asks, how fresh the answer must be, where time went."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from litestar.connection import ASGIConnection

from shared.cache.local import Held, Key
from shared.cache.record import Entry
from shared.cache.results import Lookup
from shared.contracts.values import Principal

if TYPE_CHECKING:
    from shared.runtime.tracing.tracer import Span

_KEY = "aurelius.notes"

Connection = ASGIConnection[Any, Any, Any, Any]


Ids = tuple[bytes, bytes]
"""The request's id and its trace context, as headers say them."""


class LookedUp(NamedTuple):
    """What the cache has said for a request before its route was found."""

    key: Key
    least: int
    found: Held | Lookup


class Failure(NamedTuple):
    """Why a request failed that should not have: for its line in the log, and with `error` in full."""

    level: int
    detail: str
    error: Exception | None


class CachedRead:
    """What a cached read was about: an answer to the same question may be given without its route.

    `linked` says that the route adds the link to the next page.
    """

    __slots__ = ("entry", "linked", "obj", "variant")

    def __init__(self, obj: str, variant: str, entry: Entry) -> None:
        self.obj = obj
        self.variant = variant
        self.entry = entry
        self.linked = False


class Notes:
    """One per request. `wanted` are the versions its Consistency-Token names, `stages` seconds by stage.

    `idempotency_key` is empty without one, and on routes that take none. `cached_read` is what its route has read
    through the cache, `cache_status` where the answer comes from, empty where no cache was asked. `head` says that no
    body will be sent, `unmade` that the route has made none for that reason. `failure` is set where the log is to tell
    of one, `span` where there are traces.
    """

    __slots__ = (
        "cache_status",
        "cached_read",
        "failure",
        "head",
        "idempotency_key",
        "ids",
        "looked_up",
        "principal",
        "request_id",
        "span",
        "stages",
        "traceparent",
        "unmade",
        "wanted",
    )

    def __init__(self, ids: Ids, span: "Span | None" = None) -> None:
        self.ids = ids
        self.request_id, self.traceparent = ids[0].decode(), ids[1].decode()
        self.span = span
        self.failure: Failure | None = None
        self.principal: Principal | None = None
        self.idempotency_key = ""
        self.looked_up: LookedUp | None = None
        self.cached_read: CachedRead | None = None
        self.cache_status = ""
        self.head = False
        self.unmade = False
        self.wanted: Mapping[str, int] = {}
        self.stages: dict[str, float] = {}

    def spent(self, stage: str, seconds: float) -> None:
        """Add time to a stage of the answer's `Server-Timing`."""
        self.stages[stage] = self.stages.get(stage, 0.0) + seconds

    def found_before(self, key: Key, least: int) -> Held | Lookup | None:
        """Return what the cache has said to this very question, once."""
        told, self.looked_up = self.looked_up, None
        return told.found if told is not None and (told.key, told.least) == (key, least) else None

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

"""Requests about the bus itself, of its administrators; `messages` has them all."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from shared.contracts.request import Request
from shared.contracts.values import Value

DeadReason = Literal["malformed", "failed", "process-ended"]
"""Why an entry was put aside: it could not be read, its handler failed on it, or processes ended while they had it."""


class Delivery(Value, frozen=True, kw_only=True):
    """One time an entry was given to a consumer, and what came of it; `at` is null when nobody knows it any more."""

    consumer: str
    at: datetime | None
    error: str


class DeadLetter(Value, frozen=True, kw_only=True):
    """An entry that could not be done. `entry_id` is the one it had on `stream`, where `group` was given it.

    `traceback` is a digest, the same for the same failure. `about` are those of the entry's fields that say what it
    is; what it carries (a body, an event's data) is not among them. `deliveries` counts all, `history` tells those
    that are known.
    """

    id: str
    stream: str
    group: str
    entry_id: str
    reason: DeadReason
    error: str
    traceback: str
    deliveries: int
    history: list[Delivery]
    about: dict[str, str]
    replayable: bool
    put_aside_at: datetime


class DeadLetterPage(Value, frozen=True, kw_only=True):
    """Dead letters, newest first."""

    items: list[DeadLetter]
    next_cursor: str | None = None


class Replayed(Value, frozen=True, kw_only=True):
    """What came of a replay: `ok`, or for a request the kind of error that it was answered with."""

    id: str
    outcome: str
    detail: str = ""


class ConsumerState(Value, frozen=True, kw_only=True):
    """One process in a group: what it was given and owes, and how long it has not asked, in milliseconds."""

    name: str
    pending: int
    idle_ms: int


class GroupState(Value, frozen=True, kw_only=True):
    """One group of a stream. `lag` counts what it has not been given, null when nobody can tell."""

    name: str
    last_delivered_id: str
    pending: int
    lag: int | None
    consumers: list[ConsumerState]


class StreamState(Value, frozen=True, kw_only=True):
    """One stream as it is now; ids are null in an empty one. `kept` says how long entries stay."""

    name: str
    kept: str
    length: int
    first_id: str | None
    last_id: str | None
    groups: list[GroupState]


class StreamPage(Value, frozen=True, kw_only=True):
    """Every stream with a fixed name; there is no second page."""

    items: list[StreamState]
    next_cursor: str | None = None


class ListDeadLetters(Request[DeadLetterPage], frozen=True, kw_only=True):
    """List dead letters of the service's streams, or of `stream`, older than the one with the id `before`."""

    SERVICE: ClassVar[str] = "any"
    METHOD: ClassVar[str] = "dead_letter.list"
    stream: str | None = None
    before: Annotated[str, Meta(max_length=200)] | None = None
    limit: Annotated[int, Meta(ge=1, le=201)] = 50


class ReplayDeadLetter(Request[Replayed], frozen=True, kw_only=True):
    """Do what a dead letter asks for, and then remove it."""

    SERVICE: ClassVar[str] = "any"
    METHOD: ClassVar[str] = "dead_letter.replay"
    id: Annotated[str, Meta(max_length=200)]


class DescribeStreams(Request[StreamPage], frozen=True, kw_only=True):
    """Describe every stream of the bus with its groups."""

    SERVICE: ClassVar[str] = "metrics"
    METHOD: ClassVar[str] = "streams.describe"

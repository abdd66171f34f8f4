"""What the cache answers to a reader, to an offered entry and to an invalidation."""

from dataclasses import dataclass
from enum import StrEnum

from shared.cache.record import Entry
from shared.contracts.errors import Unavailable


class BypassReason(StrEnum):
    """Why a read went past the cache."""

    DISABLED = "disabled"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"  # the server answered, with an error
    CLOSED = "closed"  # the server has lost its state, or is another process: nobody has opened it since
    REQUESTED = "requested"  # the client sent `Cache-Control: no-cache`


class FillOutcome(StrEnum):
    """What became of an offered entry; everything but STORED is a refusal."""

    STORED = "stored"
    HEAD_GONE = "head_gone"  # evicted, expired or wiped since the lease was given
    LINEAGE = "lineage"  # the head was made anew since
    FLOOR = "floor"  # a newer version has been announced
    OLDER = "older"  # a newer entry is there
    CLOSED = "closed"
    FULL = "full"
    DISABLED = "disabled"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


class RaiseOutcome(StrEnum):
    """What became of a floor that was to be raised."""

    DONE = "done"
    CLOSED = "closed"  # nobody is served; who opens the cache waits for the writer
    UNANSWERED = "unanswered"  # not in time: it may have been raised, or be raised yet


@dataclass(frozen=True, slots=True)
class Hit:
    """The cache answers."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Miss:
    """Nothing to serve: read the database, then offer the result with this lease, taken before that read began."""

    lease: str


@dataclass(frozen=True, slots=True)
class Bypass:
    """The cache takes no part in this read: read the database and offer nothing."""

    reason: BypassReason


Lookup = Hit | Miss | Bypass


@dataclass(frozen=True, slots=True)
class Invalidated:
    """What one call changed: objects that had a head, floors raised, entries removed."""

    heads: int = 0
    floors_raised: int = 0
    entries_removed: int = 0


class CacheUnavailable(Unavailable):
    """What was asked may not have been done: of an invalidation keep the event and try again."""

"""What differs between protocols: the steps that the cache server does at once, and who does what around them."""

from abc import ABC, abstractmethod
from typing import Final, NamedTuple

from tests.model.state import Cache

HIT: Final = 0
MISS: Final = 1
PAST: Final = 2


class Answer(NamedTuple):
    """A lookup's: `value` is the version served at a HIT, the lease at a MISS; PAST is a bypass."""

    kind: int
    value: int


class Protocol(ABC):
    """A way of keeping a cache. A subclass says how it differs from doing nothing at all.

    `announces`: writers tell the cache before they commit. `purges`: they delete from it after. `has_events`: the
    change reaches it through outbox, stream and invalidator. `takes_back`: a writer that rolled back takes back what
    it announced. `opens`: a cache that lost its state is closed until it has been opened.
    """

    announces = False
    purges = False
    has_events = True
    takes_back = False
    opens = False

    # Safeguards around the scripts, which mutants go without.
    has_barrier = True
    looks_before_it_begins = False
    compares_run_id = True
    keeps_raised_heads = True
    takes_back_only_what_was_answered = True
    joins_flights = False
    looks_at_tokens = True

    @abstractmethod
    def look_up(self, cache: Cache, obj: int, least: int) -> tuple[Answer, Cache]:
        """GET: what is served to a reader that must see version `least`."""

    @abstractmethod
    def fill(self, cache: Cache, obj: int, lease: int, value: int, *, is_late: bool = False) -> Cache:
        """FILL: offer what the database answered; `is_late` as for a Reader."""

    @abstractmethod
    def invalidate(self, cache: Cache, obj: int, version: int) -> Cache:
        """INVALIDATE: the object has reached a version."""

    def announce(self, cache: Cache, obj: int, version: int, writer: int) -> Cache:
        """RAISE: the object is about to reach a version."""
        return cache

    def take_back(self, cache: Cache, obj: int, version: int, writer: int) -> Cache:
        """UNRAISE: it did not."""
        return cache

    def begin_opening(self, cache: Cache) -> Cache:
        """OPEN, first half: the state says that somebody is at it, under an incarnation of its own."""
        return cache

    def finish_opening(self, cache: Cache, incarnation: int) -> Cache:
        """OPEN, second half, when all transactions that ran at the first have ended."""
        return cache

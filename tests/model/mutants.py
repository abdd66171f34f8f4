"""Our protocol with one safeguard taken away, one class for each: what each of them is for."""

from tests.model.ours import Ours
from tests.model.protocol import HIT, MISS, Answer
from tests.model.state import ANY_LEASE, CLOSED, NOTHING, OPEN, OPENING, Cache, Entry, Record, put


class NoAnnouncement(Ours):
    """Writers tell the cache nothing before they commit; the event comes later."""

    announces = False
    takes_back = False


class NoLineage(Ours):
    """Nothing tells one head from the next, so a lease outlives the head that knew the floor."""

    def look_up(self, cache: Cache, obj: int, least: int) -> tuple[Answer, Cache]:
        """Give a lease that is like any other."""
        answer, looked = super().look_up(cache, obj, least)
        return (Answer(MISS, ANY_LEASE) if answer.kind == MISS else answer), looked

    def fill(self, cache: Cache, obj: int, lease: int, value: int, *, is_late: bool = False) -> Cache:
        """Take it for that of the head which is there."""
        head = self.head(cache, obj)
        return cache if head is None else super().fill(cache, obj, head.lineage, value, is_late=is_late)


class NoFloorAtFill(Ours):
    """A fill is not held against the floor, nor an entry when it is served."""

    def look_up(self, cache: Cache, obj: int, least: int) -> tuple[Answer, Cache]:
        """Serve whatever the head's life has."""
        head = self.head(cache, obj)
        entry = head.entry if head is not None and cache.phase == OPEN else None
        if head is None or entry is None or entry.lineage != head.lineage or entry.version < least:
            return super().look_up(cache, obj, least)
        return Answer(HIT, entry.version), cache

    def fill(self, cache: Cache, obj: int, lease: int, value: int, *, is_late: bool = False) -> Cache:
        """Store under the head that gave the lease."""
        head = self.head(cache, obj)
        if cache.phase != OPEN or head is None or head.lineage != lease:
            return cache
        return cache._replace(records=put(cache.records, obj, head._replace(entry=Entry(lease, value))))


class OldIncarnationsCount(Ours):
    """Heads of before the re-opening are taken for heads of now."""

    def head(self, cache: Cache, obj: int) -> Record | None:
        """Return the record if there is a head."""
        record = cache.records[obj]
        return record if record.lineage and cache.phase != CLOSED else None


class NoBarrier(Ours):
    """The cache is opened at once, whoever may still commit what it was told before it lost its memory."""

    has_barrier = False


class LooksBeforeItBegins(Ours):
    """The opener looks which transactions run before it says that it opens: one may begin in between."""

    looks_before_it_begins = True


class NotToldWhileOpening(Ours):
    """An announcement is ignored until the cache is open."""

    def announce(self, cache: Cache, obj: int, version: int, writer: int) -> Cache:
        """Do nothing unless open."""
        return super().announce(cache, obj, version, writer) if cache.phase == OPEN else cache


class AnyOpenerFinishes(Ours):
    """Whoever comes to the end of an opening opens, though another opening has begun since."""

    def finish_opening(self, cache: Cache, incarnation: int) -> Cache:
        """Open what is being opened."""
        return cache._replace(phase=OPEN) if cache.phase == OPENING else cache


class LowersAnyFloor(Ours):
    """A floor above what a reader found is lowered at once, though its writer may be about to commit."""

    def fill(self, cache: Cache, obj: int, lease: int, value: int, *, is_late: bool = False) -> Cache:
        """Take every reader for a late one."""
        return super().fill(cache, obj, lease, value, is_late=True)


class NoRunId(Ours):
    """A server that came back with an older state is not noticed."""

    compares_run_id = False


class RaisedHeadsExpire(Ours):
    """A head may be lost while the transaction that raised it still runs."""

    keeps_raised_heads = False


class TakesBackWithoutComparing(Ours):
    """Whoever rolls back removes the head, though another writer has raised it to the same version since."""

    def take_back(self, cache: Cache, obj: int, version: int, writer: int) -> Cache:
        """Compare the version alone."""
        if cache.records[obj].floor != version:
            return cache
        return cache._replace(records=put(cache.records, obj, NOTHING))


class TakesBackUnanswered(Ours):
    """An announcement whose answer never came is taken back too, perhaps before it arrives."""

    takes_back_only_what_was_answered = False


class JoinsAnyFlight(Ours):
    """A reader that misses takes the value of whoever is on the way, though that may have read before it asked."""

    joins_flights = True


class LooksAtNoToken(Ours):
    """What a client has written or seen is not asked for."""

    looks_at_tokens = False


class ServesWhileOpening(Ours):
    """A cache that is being opened is served from and filled: the barrier holds nobody back."""

    def look_up(self, cache: Cache, obj: int, least: int) -> tuple[Answer, Cache]:
        """Look as soon as there is an incarnation."""
        answer, looked = super().look_up(_as_if_open(cache), obj, least)
        return answer, looked._replace(phase=cache.phase)

    def fill(self, cache: Cache, obj: int, lease: int, value: int, *, is_late: bool = False) -> Cache:
        """Store as soon as there is an incarnation."""
        return super().fill(_as_if_open(cache), obj, lease, value, is_late=is_late)._replace(phase=cache.phase)


def _as_if_open(cache: Cache) -> Cache:
    return cache._replace(phase=OPEN) if cache.phase == OPENING else cache

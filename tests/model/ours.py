"""Our protocol: lineage, floor, raise before commit, and a barrier on re-opening.

It follows `shared/cache`: re-opening flushes nothing. A head carries the incarnation that it was made under, and one of
another incarnation lies there and counts as absent.
"""

from tests.model.protocol import HIT, MISS, PAST, Answer, Protocol
from tests.model.state import BYPASS, CLOSED, FRESH, NOTHING, OPEN, OPENING, Cache, Entry, Record, put


class Ours(Protocol):
    """Each method is one script, and so happens at once."""

    announces = True
    takes_back = True
    opens = True

    def head(self, cache: Cache, obj: int) -> Record | None:
        """Return the record if its head counts."""
        record = cache.records[obj]
        is_of_now = cache.phase != CLOSED and record.incarnation == cache.incarnation
        return record if record.lineage and is_of_now else None

    def look_up(self, cache: Cache, obj: int, least: int) -> tuple[Answer, Cache]:
        """Serve an entry of the head's own life, not below its floor; make a head where there is none."""
        if cache.phase != OPEN:
            return Answer(PAST, BYPASS), cache
        head = self.head(cache, obj)
        if head is None:
            head = self.new_head(cache, obj)
            cache = _with(cache, obj, head)
        entry = head.entry
        if entry is not None and entry.lineage == head.lineage and entry.version >= max(head.floor, least):
            return Answer(HIT, entry.version), cache
        return Answer(MISS, head.lineage), cache

    def fill(self, cache: Cache, obj: int, lease: int, value: int, *, is_late: bool = False) -> Cache:
        """Store under the very head that gave the lease, not below its floor, and not over something newer.

        A floor that nobody stands behind is lowered: whoever raised it had ended before the lease was given.
        """
        head = self.head(cache, obj)
        if cache.phase != OPEN or head is None or head.lineage != lease:
            return cache
        if value < head.floor:
            if not is_late:
                return cache
            head = head._replace(floor=value, raised_by=0)
        if head.entry is not None and head.entry.lineage == lease and head.entry.version > value:
            return cache
        return _with(cache, obj, head._replace(entry=Entry(lease, value)))

    def invalidate(self, cache: Cache, obj: int, version: int) -> Cache:
        """Raise the floor of the head, if there is one; from then on it is nobody's to take back."""
        head = self.head(cache, obj)
        if head is None or version < head.floor:
            return cache
        return _with(cache, obj, head._replace(floor=version, raised_by=0))

    def announce(self, cache: Cache, obj: int, version: int, writer: int) -> Cache:
        """Raise the floor before the commit. Nothing to do where all is closed: the opener waits for the writer."""
        if cache.phase == CLOSED:
            return cache
        head = self.head(cache, obj) or self.new_head(cache, obj)
        if version >= head.floor:
            head = head._replace(floor=version, raised_by=writer + 1)
        return _with(cache, obj, head)

    def take_back(self, cache: Cache, obj: int, version: int, writer: int) -> Cache:
        """Remove the head whose floor this writer set."""
        head = self.head(cache, obj)
        if head is None or head.floor != version or head.raised_by != writer + 1:
            return cache
        return _with(cache, obj, NOTHING)

    def begin_opening(self, cache: Cache) -> Cache:
        """Begin a new incarnation; the records stay."""
        return cache._replace(phase=OPENING, incarnation=FRESH)

    def finish_opening(self, cache: Cache, incarnation: int) -> Cache:
        """Open, if the state is still that of this opening."""
        if cache.phase != OPENING or cache.incarnation != incarnation:
            return cache
        return cache._replace(phase=OPEN)

    def new_head(self, cache: Cache, obj: int) -> Record:
        """Return a head with a life of its own. The entry of a former one may still be there."""
        return Record(FRESH, cache.incarnation, 0, 0, cache.records[obj].entry)


class Flushing(Ours):
    """The design's own way to re-open: all records are deleted."""

    def begin_opening(self, cache: Cache) -> Cache:
        """Delete them."""
        return Cache(OPENING, FRESH, (NOTHING,) * len(cache.records))


def _with(cache: Cache, obj: int, record: Record) -> Cache:
    return cache._replace(records=put(cache.records, obj, record))

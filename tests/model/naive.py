"""The protocols that most caches follow, and what half of ours would be worth."""

from tests.model.protocol import HIT, MISS, Answer, Protocol
from tests.model.state import ANY_LEASE, Cache, Entry, put


class DeleteOnEvent(Protocol):
    """Get, miss, query, set; an event deletes the entry. There are no tokens."""

    looks_at_tokens = False

    def look_up(self, cache: Cache, obj: int, least: int) -> tuple[Answer, Cache]:
        """Serve what is there."""
        entry = cache.records[obj].entry
        if entry is not None and entry.version >= least:
            return Answer(HIT, entry.version), cache
        return Answer(MISS, ANY_LEASE), cache

    def fill(self, cache: Cache, obj: int, lease: int, value: int, *, is_late: bool = False) -> Cache:
        """Store whatever comes."""
        record = cache.records[obj]._replace(entry=Entry(ANY_LEASE, value))
        return cache._replace(records=put(cache.records, obj, record))

    def invalidate(self, cache: Cache, obj: int, version: int) -> Cache:
        """Delete."""
        return cache._replace(records=put(cache.records, obj, cache.records[obj]._replace(entry=None)))


class DeleteOnWrite(DeleteOnEvent):
    """Get, miss, query, set; who has written deletes the entry, after the commit and before it answers."""

    purges = True
    has_events = False


class FloorsOnly(DeleteOnEvent):
    """An event raises the object's floor, below which nothing is stored; there is nothing that tells heads apart."""

    def fill(self, cache: Cache, obj: int, lease: int, value: int, *, is_late: bool = False) -> Cache:
        """Store what is not below the floor."""
        return cache if value < cache.records[obj].floor else super().fill(cache, obj, lease, value, is_late=is_late)

    def invalidate(self, cache: Cache, obj: int, version: int) -> Cache:
        """Raise the floor, and delete what is below it."""
        record = cache.records[obj]
        floor = max(record.floor, version)
        entry = record.entry if record.entry is not None and record.entry.version >= floor else None
        return cache._replace(records=put(cache.records, obj, record._replace(floor=floor, entry=entry)))

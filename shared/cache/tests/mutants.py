"""Caches that are wrong in ways often seen, to show that the tests can tell."""

from collections.abc import Mapping
from itertools import repeat

from shared.cache.fake import FakeCacheStore
from shared.cache.record import Entry, Head, State, StoredEntry
from shared.cache.results import FillOutcome, Hit, Invalidated, Lookup, Miss
from shared.contracts.objects import KEEPERS


class DeleteOnEvent(FakeCacheStore):
    """Cache-aside as usually written: an event deletes the object's entries, a reader stores what it has read."""

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Serve what is there."""
        stored = self._entries.get(obj, {}).get(variant)
        if stored is None or stored.entry.version < min_version:
            return Miss("")
        return Hit(stored.entry)

    async def fill(self, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
        """Store whatever comes."""
        self._entries.setdefault(obj, {})[variant] = StoredEntry("", entry)
        return FillOutcome.STORED

    async def invalidate(self, versions: Mapping[str, int]) -> Invalidated:
        """Delete."""
        for obj in versions:
            self._entries.pop(obj, None)
        return Invalidated()


class FloorsOnly(FakeCacheStore):
    """Floors without lineage: every head has the same life, so a lease outlives the head that knew the floor."""

    def __init__(self) -> None:
        super().__init__(opened=False)
        self._lives = repeat(1)
        self._states = {keeper: State("open", self._run_id, "incarnation-1") for keeper in KEEPERS}


class IgnoresTokens(FakeCacheStore):
    """Does not look at the version that the reader must see."""

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Drop `min_version`."""
        return await super().get(obj, variant)


class LastEventWins(FakeCacheStore):
    """Takes the floor from the latest event rather than the highest."""

    async def invalidate(self, versions: Mapping[str, int]) -> Invalidated:
        """Forget the floor first."""
        for obj in versions.keys() & self._heads.keys():
            self._heads[obj] = Head(self._heads[obj].lineage, 0)
        return await super().invalidate(versions)

"""The cache protocol in memory, for tests: it answers as the real store does and can lose what a server can lose."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import count

from shared.cache.keys import object_type
from shared.cache.record import Entry, Head, StoredEntry, check_version, servable
from shared.cache.results import (
    Bypass,
    BypassReason,
    CacheUnavailable,
    FillOutcome,
    Hit,
    Invalidated,
    Lookup,
    Miss,
)
from shared.cache.stats import CacheStats


class FakeCacheStore:
    """Nothing expires by itself. `reachable` may be set to False and back, as when the server is gone for a while."""

    def __init__(self) -> None:
        self.stats = CacheStats()
        self.reachable = True
        self._lives: Iterator[int] = count(1)
        self._heads: dict[str, Head] = {}
        self._entries: dict[str, dict[str, StoredEntry]] = {}

    @property
    def connected(self) -> bool:
        """Whether it is reachable."""
        return self.reachable

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Look for an entry of at least `min_version`."""
        object_type(obj)
        result = self._look_up(obj, variant, check_version(min_version))
        self.stats.looked_up(obj, result)
        return result

    async def fill(self, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
        """Offer what the database answered after `lease` was given."""
        object_type(obj)
        check_version(entry.version)
        outcome = self._offer(obj, variant, lease, entry)
        self.stats.filled(obj, outcome)
        return outcome

    async def invalidate(self, versions: Mapping[str, int]) -> Invalidated:
        """Announce that each object has reached its version. Raises CacheUnavailable when not reachable."""
        for obj, version in versions.items():
            object_type(obj)
            check_version(version)
        if not self.reachable:
            raise CacheUnavailable("the cache server does not answer")
        heads = raised = removed = 0
        for obj, version in versions.items():
            self.stats.invalidated(obj)
            head = self._heads.get(obj)
            if head is not None:
                heads += 1
                raised += version > head.floor
                head = self._heads[obj] = replace(head, floor=max(head.floor, version))
            entries = self._entries.get(obj, {})
            dead = [name for name, held in entries.items() if head is None or held.entry.version < head.floor]
            for name in dead:
                del entries[name]
            removed += len(dead)
        return Invalidated(heads, raised, removed)

    async def ping(self) -> bool:
        """Return whether it is reachable."""
        return self.reachable

    async def close(self) -> None:
        """Hold no connection, release none."""

    def wipe(self) -> None:
        """Lose everything, as a server that restarts empty."""
        self._heads.clear()
        self._entries.clear()

    def evict_head(self, obj: str) -> None:
        """Lose the object's head and nothing else."""
        self._heads.pop(obj, None)

    def _look_up(self, obj: str, variant: str, min_version: int) -> Lookup:
        if not self.reachable:
            return Bypass(BypassReason.UNREACHABLE)
        if obj not in self._heads:
            self._heads[obj] = Head(f"life-{next(self._lives)}", 0)
        stored = self._entries.get(obj, {}).get(variant)
        if stored is not None and servable(self._heads[obj], stored, min_version):
            return Hit(stored.entry)
        return Miss(self._heads[obj].lineage)

    def _offer(self, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
        if not self.reachable:
            return FillOutcome.UNREACHABLE
        head = self._heads.get(obj)
        if head is None:
            return FillOutcome.HEAD_GONE
        if head.lineage != lease:
            return FillOutcome.LINEAGE
        if entry.version < head.floor:
            return FillOutcome.FLOOR
        there = self._entries.get(obj, {}).get(variant)
        if there is not None and there.lineage == lease and there.entry.version > entry.version:
            return FillOutcome.OLDER
        self._entries.setdefault(obj, {})[variant] = StoredEntry(lease, entry)
        return FillOutcome.STORED

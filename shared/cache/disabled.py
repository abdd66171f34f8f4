"""The store of a platform that runs without a cache server."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from shared.cache.opening import Opening
from shared.cache.plain import Forgotten, checked_pattern
from shared.cache.record import Entry
from shared.cache.results import Bypass, BypassReason, FillOutcome, Invalidated, Lookup
from shared.cache.stats import CacheStats
from shared.contracts.objects import Keeper


class DisabledCacheStore:
    """Every read goes past it; as it holds nothing, every invalidation counts as applied."""

    connected = False

    def __init__(self) -> None:
        self.stats = CacheStats()
        self.found_closed = asyncio.Event()

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Answer Bypass."""
        result = Bypass(BypassReason.DISABLED)
        self.stats.looked_up(obj, result)
        return result

    async def fill(self, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
        """Refuse."""
        self.stats.filled(obj, FillOutcome.DISABLED)
        return FillOutcome.DISABLED

    async def invalidate(self, versions: Mapping[str, int]) -> Invalidated:
        """Change nothing."""
        return Invalidated()

    async def fill_for(self, obj: str, variant: str, lease: str, entry: Entry, seconds: float) -> FillOutcome:
        """Refuse."""
        return await self.fill(obj, variant, lease, entry)

    async def forget(self, objects: Iterable[str]) -> Forgotten:
        """Change nothing."""
        return Forgotten()

    async def listed(self, pattern: str) -> AsyncIterator[list[str]]:
        """Yield nothing."""
        checked_pattern(pattern)
        yield []

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Say that there is nothing to raise."""
        return False

    async def take_back(self, versions: Mapping[str, int], writer: str) -> None:
        """Change nothing."""

    async def is_open(self, keeper: Keeper) -> bool:
        """Return False: nobody is served."""
        return False

    async def begin(self, keeper: Keeper) -> Opening | None:
        """Say that there is nothing to open."""
        return None

    async def finish(self, opening: Opening) -> bool:
        """Say that it is not open."""
        return False

    async def ping(self) -> bool:
        """Return False: there is no server."""
        return False

    async def close(self) -> None:
        """Hold nothing, release nothing."""

"""Two labs that are told the same and must answer the same: what is found of the fake then holds for a server."""

import time
from collections.abc import Mapping

from shared.cache.fake import FakeCacheStore
from shared.cache.floors import Floors
from shared.cache.opening import Opening, Openings
from shared.cache.record import Entry
from shared.cache.results import FillOutcome, Invalidated, Lookup, Miss
from shared.cache.stats import CacheStats
from shared.cache.store import CacheStore
from shared.cache.tests.labs import FakeLab, Lab, ServerLab
from shared.contracts.objects import Keeper

BETWEEN = "|"
"""Between what the one and the other call a thing."""


class Twins:
    """Both stores as one, and both labs as one. Raises AssertionError when they answer differently."""

    def __init__(self, url: str) -> None:
        self._began = time.monotonic()
        self.fake = FakeLab(lambda clock: FakeCacheStore(clock=lambda: clock() + time.monotonic() - self._began))
        self.server = ServerLab(url)
        self.store: CacheStore = self
        self.floors: Floors = self
        self.openings: Openings = self
        self.stats = CacheStats()
        self.connected = True

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Look it up in both."""
        first = await self.fake.store.get(obj, variant, min_version=min_version)
        second = await self.server.store.get(obj, variant, min_version=min_version)
        if isinstance(first, Miss) and isinstance(second, Miss):
            return Miss(first.lease + BETWEEN + second.lease)
        assert first == second
        return first

    async def fill(self, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
        """Offer it to both, to each with its own lease."""
        leases = lease.split(BETWEEN)
        first = await self.fake.store.fill(obj, variant, leases[0], entry)
        assert first is await self.server.store.fill(obj, variant, leases[1], entry)
        return first

    async def invalidate(self, versions: Mapping[str, int]) -> Invalidated:
        """Announce it to both. What is left after an eviction, and removed by it, is their own affair."""
        first = await self.fake.store.invalidate(versions)
        second = await self.server.store.invalidate(versions)
        assert (first.heads, first.floors_raised) == (second.heads, second.floors_raised)
        return first

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Raise in both."""
        first = await self.fake.floors.raise_(versions, writer)
        assert first is await self.server.floors.raise_(versions, writer)
        return first

    async def take_back(self, versions: Mapping[str, int], writer: str) -> None:
        """Take back in both."""
        await self.fake.floors.take_back(versions, writer)
        await self.server.floors.take_back(versions, writer)

    async def is_open(self, keeper: Keeper) -> bool:
        """Ask both."""
        first = await self.fake.openings.is_open(keeper)
        assert first is await self.server.openings.is_open(keeper)
        return first

    async def begin(self, keeper: Keeper) -> Opening | None:
        """Begin in both, or in none."""
        first, second = await self.fake.openings.begin(keeper), await self.server.openings.begin(keeper)
        if first is None or second is None:
            assert first is second
            return None
        return Opening(keeper, first.run_id + BETWEEN + second.run_id, first.incarnation + BETWEEN + second.incarnation)

    async def finish(self, opening: Opening) -> bool:
        """Finish in both, or in none."""
        parts = zip(opening.run_id.split(BETWEEN), opening.incarnation.split(BETWEEN), strict=True)
        first, second = (Opening(opening.keeper, run_id, incarnation) for run_id, incarnation in parts)
        finished = await self.fake.openings.finish(first)
        assert finished is await self.server.openings.finish(second)
        return finished

    async def ping(self) -> bool:
        """Ask both."""
        return await self.fake.store.ping() and await self.server.store.ping()

    async def close(self) -> None:
        """Release both."""
        for lab in self._labs:
            await lab.close()

    @property
    def _labs(self) -> tuple[Lab, Lab]:
        return self.fake, self.server

    async def lose(self) -> None:
        """Lose everything."""
        for lab in self._labs:
            await lab.lose()

    async def wipe(self) -> None:
        """Lose everything, and open again."""
        for lab in self._labs:
            await lab.wipe()

    async def keep(self) -> object:
        """Copy both."""
        return [await lab.keep() for lab in self._labs]

    async def roll_back(self, kept: object) -> None:
        """Have both fail over."""
        assert isinstance(kept, list)
        for lab, copy in zip(self._labs, kept, strict=True):
            await lab.roll_back(copy)

    async def pass_time(self, seconds: float) -> None:
        """Let it pass for both."""
        for lab in self._labs:
            await lab.pass_time(seconds)

    def aged(self, lease: str, seconds: float) -> str:
        """Let it have passed for both."""
        return BETWEEN.join(lab.aged(part, seconds) for lab, part in zip(self._labs, lease.split(BETWEEN), strict=True))

    async def evict_state(self, keeper: Keeper) -> None:
        """Lose a state."""
        for lab in self._labs:
            await lab.evict_state(keeper)

    async def evict_head(self, obj: str) -> None:
        """Lose a head."""
        for lab in self._labs:
            await lab.evict_head(obj)

    async def evict_entry(self, obj: str, variant: str) -> None:
        """Lose an entry."""
        for lab in self._labs:
            await lab.evict_entry(obj, variant)

    async def evict_variants(self, obj: str) -> None:
        """Lose the list of variants, where there is one."""
        for lab in self._labs:
            await lab.evict_variants(obj)

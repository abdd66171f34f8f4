"""A store together with the faults its server can suffer, for tests that hold for every store."""

from collections.abc import Callable
from typing import Protocol

from redis.asyncio import Redis

from shared.cache.fake import FakeCacheStore, Kept
from shared.cache.floors import Floors
from shared.cache.keys import entry_key, head_key, state_key, variants_key
from shared.cache.opening import Openings
from shared.cache.orphans import lease_of, read_lease
from shared.cache.redis_store import RedisCacheStore
from shared.cache.settings import CacheSettings
from shared.cache.store import CacheStore
from shared.cache.tests.opened import open_cache
from shared.contracts.objects import KEEPERS, Keeper


class Lab(Protocol):
    """What a test may do to the store under test."""

    @property
    def store(self) -> CacheStore:
        """The store under test, as readers and the invalidator use it."""

    @property
    def floors(self) -> Floors:
        """As writers use it."""

    @property
    def openings(self) -> Openings:
        """As those use it who open it."""

    async def lose(self) -> None:
        """Lose everything, scripts included; it is closed from then on."""

    async def keep(self) -> object:
        """Return a copy of all that the server holds."""

    async def roll_back(self, kept: object) -> None:
        """Become another process of the server, which holds what this one held earlier."""

    async def pass_time(self, seconds: float) -> None:
        """Let this time pass at the server."""

    def aged(self, lease: str, seconds: float) -> str:
        """Return what a lease that was given before so much time passed looks like now."""

    async def wipe(self) -> None:
        """Lose everything, scripts included, and open again."""

    async def evict_state(self, keeper: Keeper) -> None:
        """Lose a state."""

    async def evict_head(self, obj: str) -> None:
        """Lose the head of an object."""

    async def evict_entry(self, obj: str, variant: str) -> None:
        """Lose one entry."""

    async def evict_variants(self, obj: str) -> None:
        """Lose the record of which variants are stored."""

    async def close(self) -> None:
        """Release what the lab holds."""


class FakeLab:
    """The faults of the store in memory, or of a mutant of it."""

    def __init__(self, make: Callable[..., FakeCacheStore] = FakeCacheStore) -> None:
        self._passed = 0.0
        self.store = self.floors = self.openings = make(clock=lambda: self._passed)

    async def lose(self) -> None:
        """Lose everything."""
        self.store.wipe()

    async def keep(self) -> object:
        """Copy it."""
        return self.store.keep()

    async def roll_back(self, kept: object) -> None:
        """Hold it again, as another process."""
        assert isinstance(kept, Kept)
        self.store.roll_back(kept)
        self.store.restart()

    async def pass_time(self, seconds: float) -> None:
        """Set the clock."""
        self._passed += seconds

    def aged(self, lease: str, seconds: float) -> str:
        """As it was: the clock has moved."""
        return lease

    async def wipe(self) -> None:
        """Lose everything, and open again."""
        await self.lose()
        await open_cache(self.openings)

    async def evict_state(self, keeper: Keeper) -> None:
        """Lose a state."""
        self.store.evict_state(keeper)

    async def evict_head(self, obj: str) -> None:
        """Lose the head."""
        self.store.evict_head(obj)

    async def evict_entry(self, obj: str, variant: str) -> None:
        """Lose the entry."""
        self.store.evict_entry(obj, variant)

    async def evict_variants(self, obj: str) -> None:
        """Lose nothing: the fake keeps no such record."""

    async def close(self) -> None:
        """Hold nothing, release nothing."""


class ServerLab:
    """The faults of a store on a real server, through a connection of the lab's own."""

    def __init__(self, url: str) -> None:
        # Two busy cores can hold back a test for long; only the tests of time-outs want short ones.
        settings = CacheSettings(url=url, deadline=5, raise_deadline=5)
        self.url = url
        self.client = Redis.from_url(url, protocol=2)
        self.store = self.floors = RedisCacheStore(settings)
        self.openings: Openings = self.store

    async def lose(self) -> None:
        """Lose everything, scripts included."""
        await self.client.flushall()
        await self.client.script_flush()

    async def keep(self) -> object:
        """Copy every key."""
        return {key: await self.client.dump(key) for key in await self.client.keys()}

    async def roll_back(self, kept: object) -> None:
        """Restore every key; for the process that now runs, the one under which a state was set is another."""
        assert isinstance(kept, dict)
        await self.client.flushall()
        for key, value in kept.items():
            await self.client.restore(key, 0, value)
        for keeper in KEEPERS:
            if state_key(keeper).encode() in kept:
                await self.client.hset(state_key(keeper), "run_id", "another process")

    async def pass_time(self, seconds: float) -> None:
        """Set back all times that the server has noted."""
        for key in await self.client.keys():
            for field in ("touched", "begun"):
                if b"#variants:" not in key and await self.client.hexists(key, field):
                    await self.client.hincrby(key, field, -round(1000 * seconds))

    def aged(self, lease: str, seconds: float) -> str:
        """Set back its time."""
        lineage, taken_ms = read_lease(lease)
        return lease_of(lineage, taken_ms - round(1000 * seconds))

    async def wipe(self) -> None:
        """Lose everything, and open again."""
        await self.lose()
        await open_cache(self.openings)

    async def evict_state(self, keeper: Keeper) -> None:
        """Lose a state."""
        await self.client.delete(state_key(keeper))

    async def evict_head(self, obj: str) -> None:
        """Lose the head."""
        await self.client.delete(head_key(obj))

    async def evict_entry(self, obj: str, variant: str) -> None:
        """Lose the entry."""
        await self.client.delete(entry_key(obj, variant))

    async def evict_variants(self, obj: str) -> None:
        """Lose the set."""
        await self.client.delete(variants_key(obj))

    async def close(self) -> None:
        """Release both connections."""
        await self.store.close()
        await self.client.aclose()

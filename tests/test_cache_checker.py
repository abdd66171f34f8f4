"""The live checker against real servers: a write in Postgres, a cache server, two processes of the gateway, the bus.

What is planted is found where it is, counted by window, and healed after 10 s by a clock that the test moves.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.gateway.cache_probes import CacheProbes
from services.gateway.recipes import Recipes
from services.gateway.tests.fakes import FakeServices
from services.invalidator import app as invalidator
from services.invalidator.settings import InvalidatorSettings
from services.metrics.cache_checker import CacheChecker
from services.metrics.cache_layers import GatewayLayer, Keepers, Layer, SharedLayer
from services.metrics.cache_streams import CacheStreams
from shared.cache.connection import make_pool
from shared.cache.feed import Feed
from shared.cache.keys import entry_key, head_key, variants_key
from shared.cache.local import LocalCache
from shared.cache.looking import Looks
from shared.cache.record import Entry
from shared.cache.settings import CacheSettings
from shared.contracts.messages import ReadVersions
from shared.runtime.bus.connection import make_client
from shared.runtime.relay import Relay
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.relays import relaying
from shared.runtime.timings import Timings
from shared.runtime.versions import Versions
from tests.exact_cache import OBJECT, OWNER, Side, side

pytestmark = pytest.mark.integration

FAR = 1e12


class System:
    """All of it; `now` is the checker's clock, `locals` are the first levels of two processes."""

    def __init__(self, written: Side, cache: Redis) -> None:
        self.now = 0.0
        self.written = written
        self.cache = cache
        self.locals = [LocalCache(1 << 20), LocalCache(1 << 20)]
        self.recipes = Recipes(FakeServices())
        self.timings = Timings("metrics", "metrics-1")
        self.checker: CacheChecker

    async def at(self, *times: float) -> None:
        """Have the checker look at each of these times."""
        for self.now in times:
            await self.checker.look()

    def counted(self, name: str) -> dict[str, float]:
        """Return what is not 0 of a counter, by its labels but for the kind."""
        counters = {key: value for key, value in self.timings._counters.items() if key[0] == name and value}
        return {
            " ".join(value for label, value in labels if label != "kind"): number
            for (_, labels), number in counters.items()
        }

    async def plant_shared(self, version: int) -> None:
        """Write an entry of this version into the cache server, and take the floor away that would refuse it."""
        await self.written.read()
        lineage = await self.cache.hget(head_key(OBJECT), "lineage")
        assert isinstance(lineage, bytes)
        await self.cache.hset(head_key(OBJECT), "floor", "0")
        await self.cache.hset(entry_key(OBJECT, "doc"), mapping={b"lineage": lineage, b"version": str(version)})
        await self.cache.zadd(variants_key(OBJECT), {"doc": version})

    def plant_local(self, process: int, version: int) -> None:
        """Have one process hold an entry of this version, as if it had missed the announcement of a newer one."""
        local = self.locals[process]
        flight = local.begin(OBJECT)
        assert local.keep(flight, "doc", Entry(version, '"1"', OWNER, b"old"), FAR, FAR) is not None
        local.end(flight)


@asynccontextmanager
async def gateways(system: System, bus_url: str, cache_url: str) -> AsyncIterator[None]:
    """Two processes that hold answers, and hear the feed."""
    async with AsyncExitStack() as stack:
        for number, local in enumerate(system.locals):
            service = Service("gateway", Settings(bus_url=bus_url))
            feed = Feed(make_pool(CacheSettings(url=cache_url)), local, 60.0)
            service.background(feed.run)
            probes = CacheProbes(
                service.broker, service.writer, f"gateway-{number}", local, lambda: 0.0, system.recipes
            )
            service.background(probes.run)
            await stack.enter_async_context(service.running())

        async def heard() -> bool:
            return all(local.fresh_until > 0 for local in system.locals)

        await eventually(heard)
        yield


@asynccontextmanager
async def checked(system: System, bus_url: str, cache_url: str) -> AsyncIterator[None]:
    """The checker, and the service that keeps the versions, on the bus."""
    strategy = Service("strategy", Settings(bus_url=bus_url))
    strategy.checks("metrics").handle(ReadVersions, Versions(system.written.database).read)
    metrics = Service("metrics", Settings(bus_url=bus_url))
    looks, layer = Looks(CacheSettings(url=cache_url, deadline=5)), GatewayLayer(metrics.writer)
    layers: dict[str, Layer] = {"l1": layer, "l2": SharedLayer(looks)}
    system.checker = CacheChecker(Keepers(metrics.caller()), layers, system.timings, lambda: system.now)
    streams = CacheStreams(metrics.client, system.checker.changed, layer.heard)
    metrics.background(streams.run)
    metrics.closing(looks.close)
    async with strategy.running(), metrics.running():
        yield


@pytest.fixture
async def system(owner_url: str, cache_url: str, bus_url: str, tmp_path: Path) -> AsyncIterator[System]:
    """A strategy of version 1, and everything up."""
    settings = InvalidatorSettings(bus_url=bus_url, redis_url=cache_url, data_dir=tmp_path)
    async with (
        side(owner_url, cache_url) as written,
        Redis.from_url(cache_url, protocol=2) as cache,
        invalidator.compose(settings).running(),
    ):
        await written.open()
        await written.write("first")
        system = System(written, cache)
        async with gateways(system, bus_url, cache_url), checked(system, bus_url, cache_url):
            yield system


async def test_a_stale_entry_of_the_cache_server_is_found_and_healed(system: System) -> None:
    """Counted in each window in which it is seen, and dropped after 10 s."""
    version = await system.written.write("second")
    await system.plant_shared(version - 1)
    assert (await system.written.read())[1] == "hit"
    system.checker.changed([OBJECT])
    await system.at(0, 1)
    assert system.counted("cache_inconsistencies") == {"l2 0s": 1, "l2 1s": 1}
    assert (await system.written.read())[1] == "hit"
    await system.at(10)
    assert system.counted("cache_inconsistencies") == {"l2 0s": 1, "l2 1s": 1, "l2 10s": 1}
    assert await system.written.read() == ("second", "miss")
    await system.at(60)
    assert system.counted("cache_inconsistencies") == {"l2 0s": 1, "l2 1s": 1, "l2 10s": 1}


async def test_a_stale_entry_of_one_process_is_found_and_healed(system: System) -> None:
    """Whatever the cache server holds: the process is asked itself, past the feed that it has missed something on.

    All processes are told to forget the object.
    """
    version = await system.written.write("second")
    system.plant_local(0, version)
    system.plant_local(1, version - 1)
    system.checker.changed([OBJECT])
    await system.at(0)
    assert system.counted("cache_probes") == {"l1": 2}
    await system.at(1, 10)
    assert system.counted("cache_inconsistencies") == {"l1 0s": 1, "l1 1s": 1, "l1 10s": 1}

    async def dropped() -> bool:
        return all(local.shown(OBJECT, 0.0) is None for local in system.locals)

    await eventually(dropped)


async def test_in_health_nothing_is_found_over_a_series_of_writes(system: System, bus_url: str) -> None:
    """Readers fill both levels all the while; the events come over the bus, and each is told twice."""
    async with make_client(bus_url) as bus, relaying(Relay(system.written.database, bus, "relay")):
        for number in range(8):
            await until(system, waiting=False)
            version = await system.written.write(f"name {number}")
            await system.written.read()
            assert (await system.written.read())[1] == "hit"
            system.plant_local(0, version)
            await until(system, waiting=True)
            system.checker.changed([OBJECT])
            await system.at(system.now, system.now + 1)
    probes = system.counted("cache_probes")
    assert probes["l1"] >= 8
    assert probes["l2"] >= 8
    assert system.counted("cache_inconsistencies") == {}


async def until(system: System, *, waiting: bool) -> None:
    """Wait until the checker has heard of a change, or have it look until it knows of none."""
    checks = system.checker._checks
    if not waiting:
        while (pause := checks.pause(system.now)) is not None:
            await system.at(system.now + pause)
        return

    async def heard() -> bool:
        return checks.pause(system.now) is not None

    await eventually(heard)

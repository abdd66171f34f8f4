"""The composed service on real servers: a filled entry disappears after its event, whatever happens to the cache."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from redis.typing import EncodableT, FieldT

from services.invalidator.app import compose
from services.invalidator.settings import InvalidatorSettings
from services.invalidator.tests.entries import event_fields
from shared.cache.connect import connect
from shared.cache.record import Entry
from shared.cache.results import FillOutcome, Hit, Miss
from shared.cache.settings import CacheSettings
from shared.cache.store import CacheStore
from shared.cache.tests.opened import open_cache
from shared.contracts.messages import CheckHealth
from shared.contracts.streams import EVENT_SOURCES, event_stream
from shared.runtime.bus.connection import make_client
from shared.runtime.health import Readiness
from shared.runtime.service import Service
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.ready import is_ready
from tests.frozen import frozen_server
from tests.seconds import allowed
from tests.servers import valkey_server

pytestmark = pytest.mark.integration

STRATEGY, BACKTEST = "strategy:1", "backtest:7"
SECONDS = 10.0


@asynccontextmanager
async def running(settings: InvalidatorSettings) -> AsyncIterator[Service]:
    """The invalidator, up."""
    service = compose(settings)
    async with service.running():
        yield service


@asynccontextmanager
async def cache_at(url: str) -> AsyncIterator[CacheStore]:
    """A reader's view of the cache, which is open."""
    store = connect(CacheSettings(url=url, deadline=SECONDS))
    await open_cache(store)
    yield store
    await store.close()


async def fill(cache: CacheStore, obj: str, version: int) -> None:
    """Read past the cache and offer the answer to it."""
    found = await cache.get(obj, "doc")
    assert isinstance(found, Miss)
    entry = Entry(version=version, etag='"e"', owner="9", body=b"{}")
    assert await cache.fill(obj, "doc", found.lease, entry) is FillOutcome.STORED
    assert isinstance(await cache.get(obj, "doc"), Hit)


async def announce(bus_url: str, source: str, sequence: int, fields: dict[bytes, bytes]) -> None:
    """Append to a service's events, as its relay does."""
    async with make_client(bus_url) as client:
        await client.xadd(event_stream(source), dict[FieldT, EncodableT](fields.items()), id=f"{sequence}-0")


async def owes(bus_url: str, source: str, number: int) -> bool:
    """Whether the group was given everything and has not acknowledged this many entries."""
    async with make_client(bus_url) as client:
        newest = (await client.xinfo_stream(event_stream(source)))["last-generated-id"]
        (group,) = await client.xinfo_groups(event_stream(source))
    return bool(group["last-delivered-id"] == newest and group["pending"] == number)


async def missed(cache: CacheStore, obj: str) -> bool:
    """Whether the cache no longer answers."""
    return isinstance(await cache.get(obj, "doc"), Miss)


@pytest.mark.parametrize(("source", "obj"), [("strategy", STRATEGY), ("backtest", BACKTEST)])
async def test_an_entry_disappears_after_its_event(bus_url: str, cache_url: str, source: str, obj: str) -> None:
    """From both services' streams; the event is acknowledged."""
    settings = InvalidatorSettings(bus_url=bus_url, redis_url=cache_url)
    async with running(settings), cache_at(cache_url) as cache:
        await fill(cache, obj, 1)
        await announce(bus_url, source, 1, event_fields({obj: 2}))

        await eventually(lambda: missed(cache, obj))
        await eventually(lambda: owes(bus_url, source, 0))


async def test_events_from_before_the_start_are_applied(bus_url: str, cache_url: str) -> None:
    """The group begins at the stream's beginning, poison and all."""
    async with cache_at(cache_url) as cache:
        await fill(cache, STRATEGY, 1)
        await announce(bus_url, "strategy", 1, {b"not": b"an event"})
        await announce(bus_url, "strategy", 2, event_fields({STRATEGY: 2}, kind="aurelius.strategy.renumbered.v7"))
        async with running(InvalidatorSettings(bus_url=bus_url, redis_url=cache_url)):
            await eventually(lambda: missed(cache, STRATEGY))
            await eventually(lambda: owes(bus_url, "strategy", 0))


async def test_an_event_outlives_the_cache_server(bus_url: str) -> None:
    """While the server is down the event stays pending and the service is not ready; when it is back, even empty, the
    event is applied and acknowledged.
    """
    async with valkey_server(kind="cache") as server:
        settings = InvalidatorSettings(bus_url=bus_url, redis_url=server.url)
        async with running(settings) as service:
            await eventually(lambda: is_ready(service))
            await server.kill()
            await announce(bus_url, "strategy", 1, event_fields({STRATEGY: 2}))

            await eventually(lambda: owes(bus_url, "strategy", 1))
            await eventually(lambda: is_overdue(service))
            readiness = await service.health.ready()
            assert readiness.status == "down"
            assert readiness.checks["cache"].detail == "the cache server does not answer"
            assert readiness.checks["bus"].status == "ok"
            assert await owes(bus_url, "strategy", 1)
            assert invalidations(service) == 0
            await server.restart()
            await eventually(lambda: owes(bus_url, "strategy", 0))
            assert invalidations(service) == 1

            async def has_caught_up() -> bool:
                return not await is_overdue(service)

            await eventually(has_caught_up)
            await eventually(lambda: is_ready(service))


async def test_a_cache_server_that_hung_serves_nothing_old_afterwards(bus_url: str, cache_url: str) -> None:
    """It kept its entries; those below the version of an event that came meanwhile go when it answers again."""
    settings = InvalidatorSettings(bus_url=bus_url, redis_url=cache_url)
    async with running(settings), cache_at(cache_url) as cache:
        await fill(cache, STRATEGY, 1)
        await fill(cache, BACKTEST, 1)
        async with frozen_server(cache_url):
            await announce(bus_url, "strategy", 1, event_fields({STRATEGY: 2}))
            await eventually(lambda: owes(bus_url, "strategy", 1))
        await eventually(lambda: owes(bus_url, "strategy", 0))
        assert isinstance(await cache.get(STRATEGY, "doc"), Miss)
        assert isinstance(await cache.get(BACKTEST, "doc"), Hit)


async def test_it_ends_in_time_while_the_cache_server_is_away(bus_url: str) -> None:
    """A batch that is being tried again holds up no stop; it stays pending."""
    settings = InvalidatorSettings(bus_url=bus_url, redis_url="redis://127.0.0.1:1/0")
    async with asyncio.timeout(allowed(SECONDS)):
        async with running(settings):
            await announce(bus_url, "strategy", 1, event_fields({STRATEGY: 2}))

            await eventually(lambda: owes(bus_url, "strategy", 1))
            stopping = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - stopping < allowed(5)
    assert await owes(bus_url, "strategy", 1)


async def test_it_leaves_no_connection_behind(bus_url: str, cache_url: str) -> None:
    """Neither to the cache server nor to the bus."""
    async with make_client(cache_url) as cache, make_client(bus_url) as bus:

        async def alone() -> bool:
            return len(await cache.client_list()) == len(await bus.client_list()) == 1

        await eventually(alone)
        async with running(InvalidatorSettings(bus_url=bus_url, redis_url=cache_url)) as service:
            await eventually(lambda: is_ready(service))
            assert not await alone()
        await eventually(alone)


async def test_without_a_cache_events_are_acknowledged(bus_url: str) -> None:
    """REDIS_ENABLED=false: nothing waits for a server that is not there, and none is missed."""
    settings = InvalidatorSettings(bus_url=bus_url, redis_enabled=False, redis_url="redis://127.0.0.1:1/0")
    async with running(settings) as service:
        await announce(bus_url, "strategy", 1, event_fields({STRATEGY: 2}))

        await eventually(lambda: owes(bus_url, "strategy", 0))
        readiness = await service.health.ready()
        assert (readiness.status, "cache" in readiness.checks) == ("ok", False)
        assert invalidations(service) == 0


async def test_it_says_over_the_bus_how_it_is(bus_url: str, cache_url: str) -> None:
    """Nothing else can be asked of it."""
    asking = Service("gateway", InvalidatorSettings(bus_url=bus_url))
    caller = asking.caller()
    async with running(InvalidatorSettings(bus_url=bus_url, redis_url=cache_url)), asking.running():
        reply = await caller.ask(CheckHealth(), service="invalidator")
    readiness = msgspec.json.decode(reply.body, type=Readiness)
    assert (readiness.status, readiness.checks["cache"].status) == ("ok", "ok")


async def is_overdue(service: Service) -> bool:
    """Whether the service would report that an event waits."""
    gauges = [gauge for gauge in service.timings.batch().gauges if gauge.name == "event_overdue_seconds"]
    assert len(gauges) == len(EVENT_SOURCES)
    return any(gauge.value for gauge in gauges)


def invalidations(service: Service) -> float:
    """What the service would report of its work.

    All of it: what it has sent a moment ago is not among what has changed since.
    """
    counters = service.timings.batch(last=True).counters
    return sum(counter.value for counter in counters if counter.name == "invalidations")

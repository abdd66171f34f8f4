"""The services that read most of the bus and the cache, composed as they run, each logged in as its own users."""

import json
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from redis.typing import EncodableT, FieldT

from services.gateway.live import ProgressFeed
from services.invalidator.app import compose as compose_invalidator
from services.invalidator.settings import InvalidatorSettings
from services.invalidator.tests.entries import event_fields
from services.metrics.app import compose as compose_metrics
from services.metrics.settings import MetricsSettings
from shared.cache.connect import connect
from shared.cache.results import Hit, Miss
from shared.cache.settings import CacheSettings
from shared.cache.tests.races import STRATEGY, store_entry
from shared.contracts.cache_messages import CacheDescription, DescribeCache, PurgeCache
from shared.contracts.jobs import Progress
from shared.contracts.messages import RenderMetrics
from shared.contracts.streams import PROGRESS, STREAMS, event_stream
from shared.contracts.values import Principal
from shared.runtime.acl.tests.guarded import BINARIES, Guarded, guarded
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.ready import is_ready

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", params=BINARIES, ids=lambda path: Path(path).name)
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Guarded, ...]]:
    """A bus and a cache server whose users are those of the table."""
    folder = tmp_path_factory.mktemp
    with guarded("bus", folder("bus"), request.param) as bus, guarded("cache", folder("cache"), request.param) as cache:
        yield bus, cache


@pytest.fixture
def bus(servers: tuple[Guarded, ...]) -> Iterator[Guarded]:
    """An empty bus; it has had to refuse nothing."""
    servers[0].forget()
    yield servers[0]
    assert servers[0].refusals() == []


@pytest.fixture
def cache(servers: tuple[Guarded, ...]) -> Iterator[Guarded]:
    """An empty cache server; it has had to refuse nothing."""
    servers[1].forget()
    yield servers[1]
    assert servers[1].refusals() == []


async def open_for_strategies(cache: Guarded) -> None:
    """Open the cache, if it is not, as the service does that keeps the versions of strategies."""
    keeper = connect(CacheSettings(url=cache.url("strategy"), deadline=5))
    opening = await keeper.begin("strategy")
    assert opening is None or await keeper.finish(opening)
    await keeper.close()


async def test_the_invalidator_applies_events_that_a_service_appended(bus: Guarded, cache: Guarded) -> None:
    """From an event stream to the entry that the gateway filled."""
    settings = InvalidatorSettings(bus_url=bus.url("invalidator"), redis_url=cache.url("invalidator"))
    store = connect(CacheSettings(url=cache.url("gateway"), deadline=5))
    await open_for_strategies(cache)
    await store_entry(store, 1)

    async def gone() -> bool:
        return not isinstance(await store.get(STRATEGY, "doc"), Hit)

    service = compose_invalidator(settings)
    async with service.running():
        with bus.operator() as operator:
            fields = dict[FieldT, EncodableT](event_fields({STRATEGY: 2}).items())
            operator.xadd(event_stream("strategy"), fields, id="1-0")
        await eventually(gone)
        await eventually(lambda: is_ready(service))
    await store.close()


async def test_an_administrator_has_the_cache_forget(bus: Guarded, cache: Guarded) -> None:
    """One object and all of them: the invalidator may list the keys, and change what they hold."""
    store = connect(CacheSettings(url=cache.url("gateway"), deadline=5))
    settings = InvalidatorSettings(bus_url=bus.url("invalidator"), redis_url=cache.url("invalidator"))
    gateway = Service("gateway", Settings(bus_url=bus.url("gateway")))
    caller = gateway.caller()
    admin = Principal(user_id="1", role="admin")
    await open_for_strategies(cache)
    async with compose_invalidator(settings).running(), gateway.running():
        for message in (PurgeCache(type="strategy", id=STRATEGY.partition(":")[2]), PurgeCache()):
            await store_entry(store, 1)
            await caller.ask(message, admin, seconds=30)
            assert isinstance(await store.get(STRATEGY, "doc"), Miss)
    await store.close()


async def test_metrics_has_its_figures(bus: Guarded, cache: Guarded, tmp_path: Path) -> None:
    """Of every stream, of the cache server, and what other processes send; asked for by the gateway."""
    with bus.operator() as operator:
        for stream in STREAMS:
            operator.xgroup_create(stream.name, "any", mkstream=True)
    settings = MetricsSettings(
        bus_url=bus.url("metrics"),
        redis_url=cache.url("metrics"),
        data_dir=tmp_path,
        object_store_url=tmp_path.as_uri(),
    )
    gateway = Service("gateway", Settings(bus_url=bus.url("gateway")), objects=compose_metrics(settings).objects)
    caller = gateway.caller()
    async with compose_metrics(settings).running(), gateway.running():
        gateway.timings.send(gateway.writer)

        async def complete() -> bool:
            document = json.loads((await caller.ask(RenderMetrics(form="json"))).body)
            return bool(document["services"].get("gateway", {}).get("up") and document["cache"]["connected"])

        await eventually(complete)
        text = (await caller.ask(RenderMetrics(form="prometheus"))).body.decode()
        answer = await caller.ask(DescribeCache(), Principal(user_id="1", role="admin"))
        described = msgspec.json.decode(answer.body, type=CacheDescription)
        assert described.used_memory_bytes
        assert described.total_keys is not None
    for stream in STREAMS:
        if "<" not in stream.name:
            assert f'aurelius_bus_group_pending{{group="any",stream="{stream.name}"}} 0.0\n' in text


async def test_the_gateway_hears_the_end_of_a_run(bus: Guarded) -> None:
    """What a worker says on the progress stream wakes who waits for it."""
    gateway = Service("gateway", Settings(bus_url=bus.url("gateway")))
    worker = Service("backtest", Settings(bus_url=bus.url("backtest")))
    feed = ProgressFeed(gateway.broker)
    gateway.watch(feed.subscriber)
    entry = msgspec.json.encode(Progress(id="run", owner="me", status="succeeded", progress=1.0))
    async with gateway.running(), worker.running():
        with feed.ended("run") as ended:
            worker.writer.post("XADD", PROGRESS, "MAXLEN", "~", 1000, "*", "progress", entry)

            async def heard() -> bool:
                return ended.is_set()

            await eventually(heard)

"""The composed service on a real bus: processes send, it consumes, a caller is answered."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.metrics.app import compose
from services.metrics.core.tests.batches import batch, hits, http
from services.metrics.settings import MetricsSettings
from shared.contracts.cache_messages import DescribeCache
from shared.contracts.errors import NotFound
from shared.contracts.messages import RenderMetrics, Request
from shared.contracts.streams import TIMINGS
from shared.contracts.values import Principal
from shared.runtime.bus.caller import Caller
from shared.runtime.bus.connection import make_client
from shared.runtime.service import Service
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.ready import is_ready
from tests.seconds import allowed

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(bus_url: str, cache_url: str, tmp_path: Path) -> MetricsSettings:
    """Settings on the test's own servers."""
    return MetricsSettings(bus_url=bus_url, redis_url=cache_url, data_dir=tmp_path)


@asynccontextmanager
async def running(settings: MetricsSettings) -> AsyncIterator[Service]:
    """The metrics service, up."""
    service = compose(settings)
    async with service.running():
        yield service


@asynccontextmanager
async def gateway(settings: MetricsSettings) -> AsyncIterator[tuple[Service, Caller]]:
    """A process that sends timings and asks."""
    service = Service("gateway", settings)
    caller = service.caller()
    async with service.running():
        yield service, caller


async def read(caller: Caller, wanted: Callable[[Any], bool]) -> Any:  # JSON
    """Ask for the JSON form until it says what is wanted."""
    async with asyncio.timeout(allowed(10)):
        while True:
            reply = await caller.ask(RenderMetrics(form="json"))
            document = json.loads(reply.body)
            if wanted(document):
                return document
            await asyncio.sleep(0.01)


async def exposed(caller: Caller, *lines: str) -> None:
    """Ask for the text form until all these are in it: processes send once a second, figures are read by the way."""

    async def complete() -> bool:
        text = (await caller.ask(RenderMetrics(form="prometheus"))).body.decode()
        return all(line in text for line in lines)

    await eventually(complete, within=10)


async def test_what_a_process_measures_is_rendered(settings: MetricsSettings) -> None:
    """From `Timings` in one process, over the bus, to the answer another gets; with what the service finds out itself.

    It sends what it measures of its own answers after it has given one, and reads figures beside what it is asked.
    """
    async with running(settings), gateway(settings) as (service, caller):
        for status in ("200", "200", "503"):
            service.timings.observe_http(0.02, method="GET", route="/api/v1/strategies", status=status)
        service.timings.count("cache_hits", 3, type="strategy")
        service.timings.count("cache_misses", type="strategy")
        service.timings.send(service.writer)
        document = await read(caller, lambda found: found["request_count"] == 3 and found["cache"]["connected"])
        assert document["cache"]["hit_rate"] == 75.0
        assert document["services"]["gateway"]["errors"] == 1
        assert document["services"]["gateway"]["memory_mb"] > 1
        assert document["response_times"]["p50_ms"] == 20.0
        assert document["system"]["memory_percent"] > 0
        await exposed(
            caller,
            'aurelius_http_requests_total{method="GET",route="/api/v1/strategies",status="200"} 2',
            "aurelius_http_request_duration_seconds_count"
            '{method="GET",route="/api/v1/strategies",status_class="2xx"} 2',
            'aurelius_cache_hits_total{type="strategy"} 3',
            'aurelius_service_up{service="gateway"} 1',
            'aurelius_bus_group_pending{group="metrics",stream="aurelius.rpc.metrics"}',
            'aurelius_process_cpu_seconds_total{process="1",service="gateway"}',
            'aurelius_rpc_server_duration_seconds_count{method="metrics.render",outcome="ok",service="metrics"}',
        )


async def test_a_new_life_of_the_service_knows_what_the_last_knew(settings: MetricsSettings) -> None:
    """Even of a process that is gone and will never report again, and from the first answer on."""
    gone = batch(9, instance="gone", histograms=[http([0.1] * 7)], counters=[hits(5)])
    async with gateway(settings) as (_, caller):
        async with running(settings), make_client(settings.bus_url) as client:
            await client.xadd(TIMINGS, {"batch": msgspec.json.encode(gone)})
            await read(caller, lambda found: found["request_count"] == 7)
        async with running(settings):
            reply = await caller.ask(RenderMetrics(form="json"))
            assert json.loads(reply.body)["request_count"] == 7
            assert json.loads(reply.body)["cache"]["hits"] == 5


async def test_of_several_each_knows_everything(settings: MetricsSettings) -> None:
    """Whichever is asked, and one that came later too: no counter falls from one answer to the next."""
    gone = [batch(instance=f"gone-{number}", counters=[hits(1)], last=True) for number in range(20)]

    async def counted(caller: Caller) -> int:
        document = json.loads((await caller.ask(RenderMetrics(form="json"))).body)
        return int(document["cache"]["hits"])

    async with (
        gateway(settings) as (_, caller),
        make_client(settings.bus_url) as client,
        running(settings),
        running(settings),
    ):
        for one in gone:
            await client.xadd(TIMINGS, {"batch": msgspec.json.encode(one)})

        async def all_do() -> bool:
            return [await counted(caller) for _ in range(6)] == [20] * 6

        await eventually(all_do)
        async with running(settings) as third:
            await eventually(lambda: is_ready(third))
            assert [await counted(caller) for _ in range(9)] == [20] * 9


async def test_a_text_too_long_for_the_bus_arrives(settings: MetricsSettings) -> None:
    """Through the object store that both sides share."""
    service = Service("gateway", settings, objects=compose(settings).objects)
    caller = service.caller()
    many = [http([0.1], route=f"/api/v1/route{number}") for number in range(300)]
    async with running(settings), service.running(), make_client(settings.bus_url) as client:
        await client.xadd(TIMINGS, {"batch": msgspec.json.encode(batch(histograms=many))})
        await read(caller, lambda found: found["request_count"] == 300)
        text = (await caller.ask(RenderMetrics(form="prometheus"))).body
        assert len(text) > 256 * 1024
        assert text.count(b"aurelius_http_request_duration_seconds_count{") == 300
        assert (await client.memory_usage(caller.stream) or 0) < len(text)


async def test_it_is_ready_and_stays_so_without_a_cache_server(settings: MetricsSettings) -> None:
    """That one is away is something to report, no reason to stop reporting."""
    away = MetricsSettings(bus_url=settings.bus_url, redis_url="redis://127.0.0.1:1/0", data_dir=settings.data_dir)
    async with running(away) as service, gateway(away) as (_, caller):
        document = await read(caller, lambda found: found["services"]["metrics"]["up"])
        assert document["cache"] == {
            "enabled": True,
            "connected": False,
            "used_memory": None,
            "total_keys": None,
            "hits": 0,
            "misses": 0,
            "hit_rate": 0.0,
        }
        await eventually(lambda: is_ready(service))


async def test_it_leaves_no_connection_behind(settings: MetricsSettings) -> None:
    """Neither to the cache server nor to the bus."""
    async with make_client(settings.redis_url) as cache, make_client(settings.bus_url) as bus:

        async def alone() -> bool:
            return len(await cache.client_list()) == len(await bus.client_list()) == 1

        async def asked() -> bool:
            return len(await cache.client_list()) == 2

        await eventually(alone)
        async with running(settings):
            await eventually(asked)
        await eventually(alone)


async def test_a_service_that_measures_nothing_says_so(settings: MetricsSettings) -> None:
    """To whoever asks for what was measured, in any form, though others report: nobody reads that, nobody waits."""
    off = replace(settings, metrics_enabled=False)
    asked: list[Request[Any]] = [RenderMetrics(form="json"), RenderMetrics(form="openmetrics"), DescribeCache()]
    admin = Principal(user_id="1", role="admin")
    async with running(off), gateway(settings) as (_, caller), make_client(settings.bus_url) as client:

        async def reported() -> bool:
            return await client.xlen(TIMINGS) > 0

        for message in asked:
            with pytest.raises(NotFound, match="METRICS_ENABLED"):
                await caller.ask(message, admin)
        await eventually(reported)

"""A process with METRICS_ENABLED=false: it counts and reports nothing, and everything else is as it was."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import msgspec
import pytest
from redis.asyncio import Redis

from shared.contracts.errors import Unavailable
from shared.contracts.streams import TIMINGS
from shared.contracts.timings import Counter, Gauge
from shared.runtime import timings, unmeasured
from shared.runtime.bus.connection import make_client
from shared.runtime.bus.writer import StreamWriter
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.echo import Say, asking, echo
from shared.runtime.tests.eventually import ended, eventually
from shared.runtime.timings import Timings
from shared.runtime.unmeasured import NoTimings
from tests.servers import ValkeyServer


def unread() -> list[Counter]:
    """Fail: it was asked."""
    raise AssertionError("asked for figures")


def use(made: Timings) -> None:
    """Measure once in every way there is."""
    made.observe("rpc_server_duration", 0.1, method="m")
    made.series("rpc_server_duration", method="m").add(0.1)
    made.observe_http(0.1, method="GET", route="/health", status="200")
    made.observe_in(made.http_series(method="GET", route="/health", status="200"), 0.1)
    made.observe_stages({"cache": 0.1})
    made.count("cache_hits", type="user")


def test_nothing_is_counted_and_nobody_is_asked() -> None:
    """Whatever is measured, however; while of the one that measures each shows."""
    none, some = NoTimings("gateway", "gateway-1"), Timings("gateway", "gateway-1")
    for made in (none, some):
        use(made)
    none.gauge("process_open_fds", lambda: unread()[0].value)
    none.counters_from(unread)
    none.gauges_from(lambda: [Gauge(name="jobs", labels={}, value=unread()[0].value)])
    batch, full = none.batch(last=True), some.batch(last=True)
    assert (batch.histograms, batch.counters, batch.gauges, batch.recent) == ([], [], [], [])
    assert (len(full.histograms), len(full.counters), len(full.recent)) == (3, 1, 2)


def test_what_measures_anything_measures_nothing_here() -> None:
    """No way to count was forgotten: each method of the one is one of the other's own."""
    told = {name for name, member in vars(Timings).items() if callable(member) and not name.startswith("_")}
    assert told - vars(NoTimings).keys() == {"http_series", "batch"}  # by way of `series`; and of what there is not


def test_a_series_knows_its_labels() -> None:
    """The line of a request and its span are made of them."""
    series = NoTimings("gateway", "gateway-1").http_series(method="GET", route="/health", status="200")
    series.add(0.1)
    assert series.labels == {"method": "GET", "route": "/health", "status": "200"}
    assert sum(series.counts) == series.total == 0


@pytest.fixture
async def writer(own_bus: ValkeyServer) -> AsyncIterator[StreamWriter]:
    """A writer to a bus of its own."""
    async with make_client(own_bus.url) as client:
        writer = StreamWriter(client)
        running = asyncio.create_task(writer.run())
        yield writer
        await ended(running)


@pytest.mark.integration
@pytest.mark.parametrize("others", [0, 1])
async def test_the_bus_is_asked_without_a_trace(
    writer: StreamWriter, own_bus: ValkeyServer, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    """Whether others report or nobody ever has: no entry and no stream; a full bus is told, and is well again."""
    monkeypatch.setattr(unmeasured, "SEND_SECONDS", 0.01)
    made = NoTimings("gateway", "gateway-1")

    async def refused() -> bool:
        return isinstance(made.refused, Unavailable)

    async def taken() -> bool:
        return made.refused is None

    async with Redis.from_url(own_bus.url, protocol=2) as redis:
        for _ in range(others):
            await redis.xadd(TIMINGS, {"batch": "{}"})
        asking_bus = asyncio.create_task(made.run(writer))
        before = await asked(redis)

        async def more() -> bool:
            return await asked(redis) > before + 2

        await eventually(more)
        assert not await refused()
        await redis.config_set("maxmemory", "1")
        await eventually(refused)
        assert str(getattr(made.refused, "__cause__", None)).startswith("OOM")
        await redis.config_set("maxmemory", "0")
        await eventually(taken)
        await ended(asking_bus)
        assert await redis.xlen(TIMINGS) == others
        assert await redis.exists(TIMINGS) == others


async def asked(redis: Redis) -> int:
    """Return how often the server was given the command."""
    return int((await redis.info("commandstats")).get("cmdstat_xadd", {"calls": 0})["calls"])


@pytest.mark.integration
@pytest.mark.parametrize("enabled", [True, False])
async def test_a_service_answers_and_reports_only_where_it_measures(
    bus_url: str, monkeypatch: pytest.MonkeyPatch, *, enabled: bool
) -> None:
    """Requests are answered all the same, up to a stop; with it even that is reported."""
    monkeypatch.setattr(timings, "SEND_SECONDS", 0.01)
    service = Service("echo", Settings(bus_url=bus_url, metrics_enabled=enabled))
    service.requests().handle(Say, echo)
    async with Redis.from_url(bus_url, protocol=2) as redis:

        async def reported() -> bool:
            entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", await redis.xrange(TIMINGS))
            return any(msgspec.json.decode(fields[b"batch"])["service"] == "echo" for _, fields in entries)

        async with asking(bus_url) as caller, service.running():
            assert (await caller.call(Say(text="well")))[0] == "well"
            if enabled:
                await eventually(reported)
        assert await reported() is enabled

"""The stream that wakes workers up holds nothing that nobody will ever take."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from services.backtest import wake_ups as module
from services.backtest.tests.steps import until
from services.backtest.wake_ups import GROUP, WakeUps
from shared.contracts.streams import JOBS_BACKTEST
from shared.runtime.bus import groups
from shared.runtime.bus.groups import ensure_group
from shared.runtime.bus.writer import StreamWriter

pytestmark = pytest.mark.integration


@pytest.fixture
async def writer(bus: Redis) -> AsyncIterator[StreamWriter]:
    """A writer that sends."""
    made = StreamWriter(bus)
    running = asyncio.create_task(made.run())
    yield made
    running.cancel()
    await asyncio.wait([running])


async def given(bus: Redis, consumer: str, entries: int) -> None:
    """Have a worker be given so many entries, and die over them."""
    await ensure_group(bus, JOBS_BACKTEST, GROUP)
    for _ in range(entries):
        await bus.xadd(JOBS_BACKTEST, {"data": "{}"})
    await bus.xreadgroup(GROUP, consumer, {JOBS_BACKTEST: ">"}, count=entries)


async def test_what_a_dead_worker_had_been_given_is_dropped(
    bus: Redis, writer: StreamWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the worker with it, once it has not been heard of for long."""
    monkeypatch.setattr(module, "LOST_SECONDS", 0.0)
    monkeypatch.setattr(groups, "GONE_SECONDS", 0)
    await given(bus, "dead", 3)
    await WakeUps(bus, writer).tidy()
    await writer.drain(5)
    assert await bus.xlen(JOBS_BACKTEST) == 0
    (group,) = await bus.xinfo_groups(JOBS_BACKTEST)
    assert group["pending"] == 0

    async def forgotten() -> bool:
        await WakeUps(bus, writer).tidy()
        return b"dead" not in [consumer["name"] for consumer in await bus.xinfo_consumers(JOBS_BACKTEST, GROUP)]

    await until(forgotten, seconds=5)


async def test_what_a_living_worker_has_just_been_given_is_left(bus: Redis, writer: StreamWriter) -> None:
    """It acknowledges at once, and needs nobody for it."""
    await given(bus, "alive", 2)
    await WakeUps(bus, writer).tidy()
    await writer.drain(5)
    assert await bus.xlen(JOBS_BACKTEST) == 2
    (group,) = await bus.xinfo_groups(JOBS_BACKTEST)
    assert group["pending"] == 2

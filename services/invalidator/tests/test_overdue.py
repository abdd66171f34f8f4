"""How far the cache is behind the events, as the bus has it."""

from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis
from redis.typing import EncodableT, FieldT

from services.invalidator.overdue import OverdueEvents
from services.invalidator.tests.entries import event_fields
from shared.contracts.timings import Gauge
from shared.runtime.bus.connection import make_client
from tests.clock import FakeClock
from tests.servers import valkey_server

pytestmark = pytest.mark.integration

STREAM, QUIET = "aurelius.events.strategy", "aurelius.events.backtest"
GROUP, ME = "invalidator", "invalidator-1"
AT = "2026-03-01T10:00:{:02}Z"


@pytest.fixture
def clock() -> FakeClock:
    """A minute after the first event."""
    clock = FakeClock()
    clock.time = datetime(2026, 3, 1, 10, 1, tzinfo=UTC)
    return clock


async def appended(bus: Redis, *seconds: int) -> None:
    """Announce one event at each of these seconds of the minute, and have a group of both streams."""
    for stream in (STREAM, QUIET):
        await bus.xgroup_create(stream, GROUP, id="0", mkstream=True)
    for sequence, second in enumerate(seconds, 1):
        fields = event_fields({"strategy:1": sequence}, time=AT.format(second))
        await bus.xadd(STREAM, dict[FieldT, EncodableT](fields.items()), id=f"{sequence}-0")


def overdue(gauges: list[Gauge]) -> dict[str, float]:
    """The seconds by stream."""
    assert {gauge.name for gauge in gauges} == {"event_overdue_seconds"}
    return {gauge.labels["stream"]: gauge.value for gauge in gauges}


async def test_the_oldest_counts_whoever_has_it(bus_url: str, clock: FakeClock) -> None:
    """Nobody yet; a process that may have died with it; nobody any more. Another group's are not ours."""
    async with make_client(bus_url) as bus:
        await appended(bus, 0, 10, 20)
        await bus.xgroup_create(STREAM, "another", id="0")
        events = OverdueEvents(bus, [STREAM, QUIET], GROUP, clock)
        await events.look()
        assert overdue(events.gauges()) == {STREAM: 60, QUIET: 0}
        await bus.xreadgroup(GROUP, ME, {STREAM: ">"}, count=2)
        await bus.xack(STREAM, GROUP, "1-0")
        await events.look()
        assert overdue(events.gauges()) == {STREAM: 50, QUIET: 0}
        await bus.xack(STREAM, GROUP, "2-0")
        await events.look()
        assert overdue(events.gauges()) == {STREAM: 40, QUIET: 0}
        await bus.xreadgroup(GROUP, ME, {STREAM: ">"}, count=1)
        await bus.xack(STREAM, GROUP, "3-0")
        await events.look()
        assert overdue(events.gauges()) == {STREAM: 0, QUIET: 0}


async def test_what_is_overdue_grows_older(bus_url: str, clock: FakeClock) -> None:
    """Between two looks as well."""
    async with make_client(bus_url) as bus:
        await appended(bus, 30)
        events = OverdueEvents(bus, [STREAM], GROUP, clock)
        await events.look()
        clock.advance(seconds=5)
        assert overdue(events.gauges()) == {STREAM: 35}


async def test_what_is_no_event_has_no_age(bus_url: str, clock: FakeClock) -> None:
    """It is put aside in a moment."""
    async with make_client(bus_url) as bus:
        await appended(bus)
        await bus.xadd(STREAM, {"not": "an event"}, id="1-0")
        events = OverdueEvents(bus, [STREAM], GROUP, clock)
        await events.look()
        assert overdue(events.gauges()) == {STREAM: 0}


async def test_while_the_bus_is_away_nothing_is_taken_for_done(clock: FakeClock) -> None:
    """What was owed when it was last seen is owed still; before that nothing is known."""
    async with valkey_server(kind="bus") as server, make_client(server.url) as bus:
        events = OverdueEvents(bus, [STREAM], GROUP, clock)
        await events.look()
        assert overdue(events.gauges()) == {STREAM: 0}
        await appended(bus, 0)
        await events.look()
        await server.kill()
        await events.look()
        assert overdue(events.gauges()) == {STREAM: 60}

"""What callers and services do while the bus is away, and when it is back."""

import asyncio
import time

import pytest
from redis.asyncio import Redis

from shared.contracts.errors import DeadlineExceeded, Unavailable
from shared.runtime.bus.connection import Entry
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.echo import Hold, Say, answering, answers, echo, talking
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.ready import is_ready
from tests.frozen import frozen_server
from tests.seconds import allowed
from tests.servers import ValkeyServer

pytestmark = pytest.mark.integration


async def test_requests_fail_fast_without_the_bus_and_work_again_with_it(own_bus: ValkeyServer) -> None:
    """Killed and restarted: who asks meanwhile is told at once, and five seconds later all is well by itself."""
    async with talking(own_bus.url, echo) as caller:
        await caller.call(Say(text="before"))
        await own_bus.kill()
        for _ in range(3):
            started = time.monotonic()
            with pytest.raises(Unavailable, match="message bus"):
                await caller.call(Say(text="meanwhile"))
            assert time.monotonic() - started < allowed(1)
        await own_bus.restart()
        await eventually(lambda: answers(caller), within=5)


async def test_a_bus_that_comes_back_empty_is_set_up_again(own_bus: ValkeyServer) -> None:
    """Its disk was lost with it: streams and groups are made again by who reads them."""
    async with talking(own_bus.url, echo) as caller:
        await caller.call(Say(text="before"))
        await own_bus.kill()
        await own_bus.restart()
        async with Redis.from_url(own_bus.url, protocol=2) as redis:
            await redis.flushall()
        await eventually(lambda: answers(caller), within=5)


async def test_readiness_follows_the_bus(own_bus: ValkeyServer) -> None:
    """Down while it is away, and up again when it is back and read."""
    async with answering(own_bus.url, echo) as service:
        await eventually(lambda: is_ready(service))
        await own_bus.kill()
        down = await service.health.ready()
        assert down.status == "down"
        assert down.checks["bus"].status == "down"
        await own_bus.restart()
        await eventually(lambda: is_ready(service), within=5)


async def test_a_reader_of_events_goes_on_where_it_was(own_bus: ValkeyServer) -> None:
    """What is written after the restart is read by the group of before, once, without a restart of the reader."""
    seen: list[bytes] = []

    async def handler(entries: list[Entry]) -> None:
        seen.extend(entry.fields[b"n"] for entry in entries)

    async def saw(number: bytes) -> bool:
        return number in seen

    service = Service("invalidator", Settings(bus_url=own_bus.url))
    service.consume("aurelius.events.strategy", handler)
    async with service.running():
        await service.client.xadd("aurelius.events.strategy", {"n": 1})
        await eventually(lambda: saw(b"1"))
        await own_bus.kill()
        await own_bus.restart()
        await service.client.xadd("aurelius.events.strategy", {"n": 2})
        await eventually(lambda: saw(b"2"), within=5)
    assert seen.count(b"2") == 1


async def test_a_bus_that_hangs_costs_the_deadline(own_bus: ValkeyServer) -> None:
    """And what was given up is not done when the bus goes on: its deadline has passed."""
    hold = Hold()
    async with talking(own_bus.url, hold) as caller:
        await caller.call(Say(text="before"))
        async with frozen_server(own_bus.url):
            started = time.monotonic()
            with pytest.raises(DeadlineExceeded):
                await caller.call(Say(text="meanwhile"), seconds=0.3)
            assert time.monotonic() - started < allowed(1)
        await eventually(lambda: answers(caller), within=5)
    assert "meanwhile" not in hold.taken


async def test_a_process_that_starts_before_its_bus_waits_for_it(own_bus: ValkeyServer) -> None:
    """At a start everything comes up at once, in no order."""
    await own_bus.kill()
    service = Service("asker", Settings(bus_url=own_bus.url))

    async def run() -> str:
        async with service.running():
            return service.name

    starting = asyncio.create_task(run())
    assert (await service.health.ready()).status == "down"
    await own_bus.restart()
    assert await starting == "asker"

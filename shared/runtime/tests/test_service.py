"""What every service is composed of."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from shared.contracts.errors import DeadlineExceeded
from shared.contracts.messages import CheckHealth
from shared.contracts.streams import TIMINGS
from shared.runtime import connecting, tasks
from shared.runtime.bus.server import Answer, Call
from shared.runtime.connecting import CannotStart
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.echo import Hold, Say, answering, asking
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.ready import is_ready
from tests.seconds import allowed

pytestmark = pytest.mark.integration


@contextlib.asynccontextmanager
async def until_stopped(service: Service) -> AsyncIterator[asyncio.Event]:
    """Run a service; it begins to stop when the event is set, and has stopped when this ends."""
    stop, up = asyncio.Event(), asyncio.Event()

    async def life() -> None:
        async with service.running():
            up.set()
            await stop.wait()

    living = asyncio.create_task(life())
    await up.wait()
    yield stop
    stop.set()
    await living


def holding(bus_url: str, hold: Hold, *, drain_seconds: float = 8.0) -> Service:
    """Return an echo service that answers when it is told to."""
    service = Service("echo", Settings(bus_url=bus_url, drain_seconds=drain_seconds))
    service.requests().handle(Say, hold)
    return service


async def test_a_stop_finishes_what_was_taken_and_takes_no_more(bus_url: str) -> None:
    """What comes meanwhile stays on the bus, for another process of the service."""
    hold = Hold("slow")
    service = holding(bus_url, hold)
    async with asking(bus_url) as caller, until_stopped(service) as stop:
        slow = asyncio.create_task(caller.call(Say(text="slow")))
        await eventually(lambda: hold.took("slow"))
        stop.set()

        async def reads_no_more() -> bool:
            return not service._servers[0].subscriber.running

        await eventually(reads_no_more)
        with pytest.raises(DeadlineExceeded):
            await caller.call(Say(text="late"), seconds=1)
        hold.release()
        assert (await slow)[0] == "slow"
    assert hold.taken == ["slow"]


async def test_a_stop_finishes_a_request_that_waits_for_another_service(bus_url: str) -> None:
    """The replies to the stopping process are heard until its own answers are given."""
    hold = Hold("deep")
    front = Service("front", Settings(bus_url=bus_url))
    back = front.caller()

    async def handler(message: Say, _: Call) -> Answer:
        return Answer((await back.call(message))[0] + "er")

    front.requests().handle(Say, handler)
    async with answering(bus_url, hold), asking(bus_url) as caller, until_stopped(front) as stop:
        asked = asyncio.create_task(caller.ask(Say(text="deep"), service="front"))
        await eventually(lambda: hold.took("deep"))
        stop.set()

        async def stopping() -> bool:
            return not front._servers[0].subscriber.running

        await eventually(stopping)
        hold.release()
        assert (await asked).body == b'"deeper"'


async def test_a_stop_does_not_wait_for_ever(bus_url: str) -> None:
    """A handler that hangs has its moment, then the process ends without it."""
    hold = Hold("stuck")
    async with asking(bus_url) as caller:
        async with until_stopped(holding(bus_url, hold, drain_seconds=0.1)):
            asked = asyncio.create_task(caller.call(Say(text="stuck"), seconds=1))
            await eventually(lambda: hold.took("stuck"))
            stopping = time.monotonic()
        assert time.monotonic() - stopping < allowed(1)
        with pytest.raises(DeadlineExceeded):
            await asked


async def test_a_service_says_over_the_bus_how_it_is(bus_url: str) -> None:
    """Each of its checks, by name."""
    service = holding(bus_url, Hold())
    service.health.add("disk", fails)
    async with asking(bus_url) as caller, until_stopped(service):
        reply = await caller.ask(CheckHealth(), service="echo")
    assert b'"status":"down"' in reply.body
    for name in (b"process", b"bus", b"subscribers", b"disk"):
        assert b'"%s":{' % name in reply.body


async def fails() -> None:
    """Fail."""
    raise LookupError("worn out")


async def test_background_work_runs_from_start_to_stop(bus_url: str) -> None:
    """And is cancelled, not abandoned."""
    ended: list[str] = []

    async def work() -> None:
        ended.append("started")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("stopped")

    service = Service("echo", Settings(bus_url=bus_url))
    service.background(work)
    async with service.running():
        await asyncio.sleep(0)
        assert ended == ["started"]
    assert ended == ["started", "stopped"]


async def test_background_work_that_misses_its_cancellation_ends(bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some waits swallow one; the process must end all the same."""
    monkeypatch.setattr(tasks, "AGAIN_SECONDS", 0.05)
    missed: list[str] = []

    async def work() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if missed:
                    raise
                missed.append("the first")

    service = Service("echo", Settings(bus_url=bus_url))
    service.background(work)

    async def life() -> None:
        async with service.running():
            await asyncio.sleep(0)

    await asyncio.wait_for(life(), allowed(10))
    assert missed == ["the first"]


async def test_background_work_that_fails_is_the_end(bus_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The service says so, for its process to end: half of itself it is of no use, and nobody would find out."""
    service = Service("echo", Settings(bus_url=bus_url))
    service.background(fails)
    with caplog.at_level(logging.CRITICAL):
        async with service.running():
            async with asyncio.timeout(allowed(5)):
                await service.failed.wait()
            readiness = await service.health.ready()
            assert (readiness.status, readiness.checks["process"].detail) == ("down", "this process has failed")
    assert "worn out" in caplog.text


async def test_background_work_that_is_cancelled_by_mistake_is_the_end(bus_url: str) -> None:
    """A stray cancellation leaves the work undone as an error does."""
    service = Service("echo", Settings(bus_url=bus_url))

    async def work() -> None:
        raise asyncio.CancelledError

    service.background(work)
    async with service.running(), asyncio.timeout(allowed(5)):
        await service.failed.wait()


async def test_background_work_may_come_to_its_end(bus_url: str) -> None:
    """What is to be done once, at the start, is done then."""
    service = Service("echo", Settings(bus_url=bus_url))
    done = asyncio.Event()

    async def work() -> None:
        done.set()

    service.background(work)
    async with service.running():
        await done.wait()
        await asyncio.sleep(0)
        await eventually(lambda: is_ready(service))
        assert not service.failed.is_set()


async def test_it_is_ready_between_its_start_and_its_stop(bus_url: str) -> None:
    """While it finishes what it took, nobody is to send it more."""
    hold = Hold("slow")
    service = holding(bus_url, hold)
    assert (await service.health.ready()).checks["process"].detail == "this process is starting"
    async with asking(bus_url) as caller, until_stopped(service) as stop:
        await eventually(lambda: is_ready(service))
        slow = asyncio.create_task(caller.call(Say(text="slow")))
        await eventually(lambda: hold.took("slow"))
        stop.set()

        async def stopping() -> bool:
            return (await service.health.ready()).checks["process"].detail == "this process is stopping"

        await eventually(stopping)
        hold.release()
        await slow


async def test_a_step_of_the_stop_that_fails_stops_nothing(bus_url: str) -> None:
    """What follows it is done, and the process ends as it should."""
    done: list[str] = []
    service = Service("echo", Settings(bus_url=bus_url))

    async def work() -> None:
        done.append("settled")

    service.stopping(fails)
    service.stopping(work)
    async with service.running():
        pass
    assert done == ["settled"]


async def test_what_is_to_be_closed_is_closed_last(bus_url: str) -> None:
    """When no request is handled and no background work runs any more."""
    order: list[str] = []
    hold = Hold("slow")
    service = Service("echo", Settings(bus_url=bus_url))

    async def handler(message: Say, call: Call) -> Answer:
        answer = await hold(message, call)
        order.append("answered")
        return answer

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            order.append("work ended")

    async def close() -> None:
        order.append("closed")

    service.requests().handle(Say, handler)
    service.closing(close)
    service.background(work)
    async with asking(bus_url) as caller, until_stopped(service) as stop:
        asked = asyncio.create_task(caller.call(Say(text="slow")))
        await eventually(lambda: hold.took("slow"))
        stop.set()
        await asyncio.sleep(0)
        hold.release()
        await asked
    assert order == ["answered", "work ended", "closed"]


async def test_a_process_sends_its_last_timings_at_the_stop(bus_url: str, redis: Redis) -> None:
    """What it did in its last second counts too."""
    async with answering(bus_url, Hold()) as service:
        assert await redis.xlen(TIMINGS) == 0
    batches = await redis.xrange(TIMINGS)
    assert batches is not None
    assert service.instance in str(batches[-1])


async def test_a_start_without_the_bus_gives_up_with_its_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a while in which it may come up; the log says what is waited for, once."""
    monkeypatch.setattr(connecting, "CONNECT_SECONDS", 0.6)
    service = Service("echo", Settings(bus_url="redis://127.0.0.1:1/0"))
    with (
        caplog.at_level(logging.WARNING),
        pytest.raises(CannotStart, match=r"the message bus did not answer within 0.6"),
    ):
        await service.running().__aenter__()
    assert caplog.text.count("waiting for the message bus") == 1

"""Requests whose process died, or hung."""

import asyncio
import contextlib
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import cast

import pytest
from redis.asyncio import Redis

from shared.contracts.envelopes import RequestEnvelope
from shared.contracts.errors import GivenUp
from shared.contracts.ids import new_id
from shared.runtime.bus import abandoned, in_hand, reclaimer
from shared.runtime.bus.server import Answer, Call
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.bus_state import emptied, entries
from shared.runtime.tests.echo import DEAD, RPC, Hold, Say, answering, asking, echo
from shared.runtime.tests.echo_process import RELEASED, TAKEN
from shared.runtime.tests.eventually import eventually, never
from shared.runtime.tests.processes import START, Program, program
from tests.servers import ValkeyServer

pytestmark = pytest.mark.integration


def process(bus_url: str) -> AbstractAsyncContextManager[Program]:
    """Run the echo service as a process."""
    return program("shared.runtime.tests.echo_process", "ECHO_PORT", {"BUS_URL": bus_url, "DRAIN_SECONDS": "1"})


@contextlib.asynccontextmanager
async def processes(bus_url: str, number: int) -> AsyncIterator[list[Program]]:
    """Run so many, ready."""
    async with AsyncExitStack() as stack:
        started = [await stack.enter_async_context(process(bus_url)) for _ in range(number)]
        for one in started:
            await eventually(one.is_ready, within=START)
        yield started


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test has no seconds to wait; the proportions are the real ones."""
    monkeypatch.setattr(abandoned, "ABANDONED_SECONDS", 0.6)
    monkeypatch.setattr(abandoned, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(in_hand, "REFRESH_SECONDS", 0.1)


def made_at(seconds: float) -> str:
    """Return the id of a request that was made then."""
    milliseconds, number = int(seconds * 1000), uuid.UUID(new_id()).int
    return str(uuid.UUID(int=milliseconds << 80 | number & (1 << 80) - 1))


async def left_by(
    redis: Redis, consumer: str, *texts: str, seconds: float = 5, deliveries: int = 1, made: float | None = None
) -> list[str]:
    """Have `consumer` take requests, made now or at a Unix time, and die; returns their ids."""
    with contextlib.suppress(Exception):
        await redis.xgroup_create(RPC, "echo", id="0", mkstream=True)
    ids = []
    for text in texts:
        sent = RequestEnvelope(
            id=new_id() if made is None else made_at(made), method=Say.METHOD,
            deadline=int((time.time() + seconds) * 1000),
            reply_to="aurelius.replies.gone", principal=None, traceparent="", idempotency_key="",
            body=b'{"text":"%s"}' % text.encode(),
        )  # fmt: skip
        entry_id = await redis.xadd(RPC, sent.to_entry())  # type: ignore[arg-type]  # the stubs ask for a wider dict
        await redis.xreadgroup("echo", consumer, {RPC: ">"})
        await redis.xclaim(RPC, "echo", consumer, 0, [entry_id], retrycount=deliveries, justid=True)
        ids.append(sent.id)
    return ids


async def consumers(redis: Redis) -> int:
    """Return how many there are in the group."""
    return len(await redis.xinfo_consumers(RPC, "echo"))


async def owner(redis: Redis) -> str:
    """Return the consumer that has the first pending entry."""
    (row,) = await redis.xpending_range(RPC, "echo", "-", "+", 1)
    return cast("bytes", row["consumer"]).decode()


async def test_what_a_killed_process_had_in_hand_is_answered_in_time(bus_url: str, redis: Redis) -> None:
    """By another process, inside the deadline that callers have unless they say otherwise; nothing is left behind."""
    async with processes(bus_url, 2) as both, asking(bus_url) as caller:
        asked = [asyncio.create_task(caller.call(Say(text=f"held {number}"))) for number in range(10)]

        async def all_taken() -> bool:
            return await redis.xlen(TAKEN) == len(asked)

        await eventually(all_taken)
        pids = {int(entry.fields[b"pid"]) for entry in await entries(redis, TAKEN)}
        victim = next(one for one in both if one.process.pid in pids)
        victim.process.kill()
        await redis.xadd(RELEASED, {"now": 1})
        answers = await asyncio.gather(*asked)
        assert [text for text, _ in answers] == [f"held {number}" for number in range(10)]
        await eventually(lambda: emptied(redis, RPC, "echo"))
        assert not await redis.exists(DEAD)


async def test_a_service_started_anew_answers_what_the_last_one_left(bus_url: str, redis: Redis) -> None:
    """Where there is one process, it is its own successor; the id that a handler sees is the one of before."""
    calls: list[str] = []

    async def handler(message: Say, call: Call) -> Answer:
        calls.append(call.id)
        return Answer(message.text)

    ids = await left_by(redis, "killed", "one", "two", "three")
    async with answering(bus_url, handler):
        await eventually(lambda: emptied(redis, RPC, "echo"))

        async def forgotten() -> bool:
            return await consumers(redis) == 2

        await eventually(forgotten)  # the dead one is kept for an hour
    assert calls == ids


async def test_a_request_that_kills_its_process_is_given_up_inside_the_deadline(bus_url: str, redis: Redis) -> None:
    """Two processes end with it. The caller is told so, in time and not to repeat it; the third goes on."""
    async with processes(bus_url, 3), asking(bus_url) as caller:
        with pytest.raises(GivenUp):
            await caller.call(Say(text="die"))
        assert (await caller.call(Say(text="alive")))[0] == "alive"
        assert await emptied(redis, RPC, "echo")
    (letter,) = await entries(redis, DEAD)
    assert letter.fields[b"reason"] == b"process-ended"
    assert letter.fields[b"field:body"] == b'{"text":"die"}'
    assert letter.fields[b"deliveries"] == b"2"
    assert letter.fields[b"history"].count(b'"consumer":"echo-') == 2
    taken = [entry.fields[b"text"] for entry in await entries(redis, TAKEN)]
    assert taken.count(b"die") == 2


async def test_neighbours_of_such_a_request_are_answered(bus_url: str, redis: Redis) -> None:
    """They were in the hands of the same process when it ended, and are no more to blame than it."""
    async with asking(bus_url) as caller:
        async with process(bus_url) as first:
            neighbours = [asyncio.create_task(caller.call(Say(text=f"held {n}"), seconds=60)) for n in range(12)]

            async def all_taken() -> bool:
                return await redis.xlen(TAKEN) == len(neighbours)

            await eventually(all_taken, within=START)
            poison = asyncio.create_task(caller.call(Say(text="die"), seconds=60))
            assert await first.ended(10) == -signal.SIGKILL
        await redis.xadd(RELEASED, {"now": 1})
        async with process(bus_url), process(bus_url):
            answers = await asyncio.gather(*neighbours)
            with pytest.raises(GivenUp):
                await poison
    assert [text for text, _ in answers] == [f"held {number}" for number in range(12)]
    assert [entry.fields[b"field:body"] for entry in await entries(redis, DEAD)] == [b'{"text":"die"}']


async def test_a_stopped_process_that_wakes_does_no_harm(bus_url: str, redis: Redis) -> None:
    """Another answered meanwhile: the caller has one answer; what the stopped one finishes leaves nothing behind."""
    async with processes(bus_url, 1) as (sleeper,), asking(bus_url) as caller:
        asked = asyncio.create_task(caller.call(Say(text="held"), seconds=60))

        async def taken(times: int) -> bool:
            return await redis.xlen(TAKEN) == times

        await eventually(lambda: taken(1))
        os.kill(sleeper.process.pid, signal.SIGSTOP)
        async with processes(bus_url, 1):
            await eventually(lambda: taken(2), within=START)
            await redis.xadd(RELEASED, {"now": 1})
            assert (await asked)[0] == "held"
            os.kill(sleeper.process.pid, signal.SIGCONT)
            await eventually(sleeper.is_ready, within=START)
            assert (await caller.call(Say(text="again")))[0] == "again"
            await eventually(lambda: emptied(redis, RPC, "echo"))
    assert not await redis.exists(DEAD)


@pytest.mark.usefixtures("hurried")
async def test_slow_work_is_not_taken_from_a_process_that_lives(bus_url: str, redis: Redis) -> None:
    """Nor what waits in its hands for a slot: it is refreshed, which counts as no delivery."""
    slow, idle = Hold("slow"), Hold()
    async with answering(bus_url, slow), asking(bus_url) as caller:
        asked = asyncio.create_task(caller.call(Say(text="slow")))
        await eventually(lambda: slow.took("slow"))
        async with answering(bus_url, idle):
            await never(lambda: idle.took("slow"), during=1.5)
            (row,) = await redis.xpending_range(RPC, "echo", "-", "+", 1)
            assert row["times_delivered"] == 1
            slow.release()
            assert (await asked)[0] == "slow"


@pytest.mark.usefixtures("hurried")
async def test_what_is_late_is_put_away_and_never_done(bus_url: str, redis: Redis) -> None:
    """Nobody waits for it any more; once is too seldom to call it to account."""
    hold = Hold()
    await left_by(redis, "killed", "one", "two", seconds=-1)
    async with answering(bus_url, hold):
        await eventually(lambda: emptied(redis, RPC, "echo"))
    assert hold.taken == []
    assert not await redis.exists(DEAD)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("consumer", "deliveries", "seconds", "given_up"),
    [
        ("killed", 1, 5, False),
        ("killed", 2, 5, False),
        ("killed", 3, 5, True),
        ("killed", 2, -1, True),
        ("killed.after.killed-before", 2, 5, True),
    ],
)
async def test_what_ends_processes_is_told_from_what_was_beside_it(
    bus_url: str, redis: Redis, consumer: str, deliveries: int, seconds: float, given_up: bool
) -> None:
    """Alone in a process's hands when it ended is proof; in company it takes three, or two and no time left."""
    hold = Hold()
    await left_by(redis, consumer, "suspect", seconds=seconds, deliveries=deliveries)
    async with answering(bus_url, hold):
        await eventually(lambda: emptied(redis, RPC, "echo"))
    assert [entry.fields[b"reason"] for entry in await entries(redis, DEAD)] == [b"process-ended"] * given_up
    assert hold.taken == ([] if given_up else ["suspect"])


@pytest.mark.usefixtures("hurried")
async def test_who_lives_did_not_die_of_it(bus_url: str, redis: Redis) -> None:
    """What it did alone, and told the bus so in vain, is pending under its own name: it is no proof of anything."""
    await left_by(redis, "killed", "x")
    hold = Hold()
    async with answering(bus_url, hold) as service:
        post = service.writer.post
        lost: list[str | bytes | int] = []

        def losing(*command: str | bytes | int) -> None:
            if command[0] in ("XACK", "XDEL") and len(lost) < 2:
                lost.append(command[0])
            else:
                post(*command)

        service.writer.post = losing  # type: ignore[method-assign]
        await eventually(lambda: hold.took("x"))
        await eventually(lambda: emptied(redis, RPC, "echo"))
    assert lost == ["XACK", "XDEL"]
    assert hold.taken == ["x", "x"]
    assert not await redis.exists(DEAD)


@pytest.mark.usefixtures("hurried")
async def test_what_is_taken_over_is_done_alone(bus_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else is begun meanwhile, or nobody could tell what ended the process; but not for longer than a moment,
    and from then on it does not count as alone.
    """
    monkeypatch.setattr(reclaimer, "HOLD_SECONDS", 0.5)
    await left_by(redis, "killed", "slow")
    hold = Hold("slow")
    async with answering(bus_url, hold), asking(bus_url) as caller:
        await eventually(lambda: hold.took("slow"))
        assert ".after.killed" in await owner(redis)
        asked = asyncio.create_task(caller.call(Say(text="new")))
        await never(lambda: hold.took("new"), during=0.2)
        assert (await asked)[0] == "new"
        assert ".after." not in await owner(redis)
        hold.release()
        await eventually(lambda: emptied(redis, RPC, "echo"))


async def test_a_stop_hands_back_what_it_cannot_finish(
    bus_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process has it at once, and not only when it looks abandoned."""
    monkeypatch.setattr(abandoned, "ABANDONED_SECONDS", 60.0)
    never = Hold("x")
    stopping = Service("echo", Settings(bus_url=bus_url, drain_seconds=0.5))
    stopping.requests().handle(Say, never)
    async with asking(bus_url) as caller:
        async with stopping.running():
            asked = asyncio.create_task(caller.call(Say(text="x")))
            await eventually(lambda: never.took("x"))
        async with answering(bus_url, echo):
            assert (await asked)[0] == "x"
            await eventually(lambda: emptied(redis, RPC, "echo"))


@pytest.mark.usefixtures("hurried")
async def test_those_with_whom_fewer_processes_ended_come_first(bus_url: str, redis: Redis) -> None:
    """They wait for no further death, which the most suspicious may bring."""
    hold = Hold()
    await left_by(redis, "killed", "suspect", deliveries=2)
    await left_by(redis, "killed", "one", "two")

    async def all_are_abandoned() -> bool:
        idle = int(abandoned.ABANDONED_SECONDS * 1000)
        return len(await redis.xpending_range(RPC, "echo", "-", "+", 3, idle=idle)) == 3

    await eventually(all_are_abandoned)
    async with answering(bus_url, hold):
        await eventually(lambda: emptied(redis, RPC, "echo"))
    assert hold.taken == ["one", "two", "suspect"]


@pytest.mark.usefixtures("hurried")
async def test_nobody_is_taken_for_dead_because_the_bus_was(
    own_bus: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is back everything looks abandoned at first; who lives is given the time to say so."""
    monkeypatch.setattr(abandoned, "ABANDONED_SECONDS", 1.5)
    monkeypatch.setattr(in_hand, "REFRESH_SECONDS", 0.7)
    slow, idle = Hold("slow"), Hold()
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(own_bus.url, protocol=2))
        await stack.enter_async_context(answering(own_bus.url, slow))
        caller = await stack.enter_async_context(asking(own_bus.url))
        asked = asyncio.create_task(caller.call(Say(text="slow"), seconds=30))
        await eventually(lambda: slow.took("slow"))
        await stack.enter_async_context(answering(own_bus.url, idle))
        await redis.waitaof(1, 0, 5000)
        await own_bus.kill()
        died = time.monotonic()

        async def long_ago() -> bool:
            return time.monotonic() - died > abandoned.ABANDONED_SECONDS

        await eventually(long_ago)
        await own_bus.restart()
        await never(lambda: idle.took("slow"), during=abandoned.GRACE_SECONDS + 0.5)
        slow.release()
        assert (await asked)[0] == "slow"
    assert slow.taken == ["slow"]

"""Request and reply, as the asking side sees it."""

import asyncio
import time
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.contracts.errors import Conflict, DeadlineExceeded, InputError, Invalid, ServiceError, Unavailable
from shared.contracts.messages import CheckHealth
from shared.contracts.values import Principal
from shared.runtime import context, spent
from shared.runtime.bus import caller as caller_module
from shared.runtime.bus.server import MAX_REPLY_BYTES, Answer, Call
from shared.runtime.context import Handling
from shared.runtime.objects import Objects
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.bus_state import emptied, entries
from shared.runtime.tests.echo import RPC, Hold, Say, asking, echo, talking
from shared.runtime.tests.eventually import eventually
from tests.seconds import allowed
from tests.servers import ValkeyServer

pytestmark = pytest.mark.integration


async def test_an_answer_comes_back(bus_url: str) -> None:
    """As its type, with the versions it shows and the time the service took."""

    async def handler(message: Say, _: Call) -> Answer:
        return Answer(message.text, {"strategy:1": 7})

    async with talking(bus_url, handler) as caller:
        heard, reply = await caller.call(Say(text="hello ✓"))
    assert heard == "hello ✓"
    assert reply.body == '"hello ✓"'.encode()
    assert reply.versions == {"strategy:1": 7}
    assert 0 < reply.service_seconds < 5


async def test_the_answer_says_how_long_a_database_was_used_for_it(bus_url: str) -> None:
    """By the tasks that the handler started too; not by what is asked at the same time."""

    async def handler(message: Say, _: Call) -> Answer:
        async def use() -> None:
            await asyncio.sleep(0)
            spent.on_database(float(message.text))

        await asyncio.gather(use(), use())
        return Answer(message.text)

    async with talking(bus_url, handler) as caller:
        replies = await asyncio.gather(*(caller.ask(Say(text=text)) for text in ("0.25", "0", "1.5")))
    assert [reply.database_seconds for reply in replies] == [0.5, 0, 3]


async def test_the_handler_is_told_who_asks_and_until_when(bus_url: str) -> None:
    """The principal, the trace, the idempotency key and the deadline travel with the request."""
    calls: list[Call] = []

    async def handler(message: Say, call: Call) -> Answer:
        calls.append(call)
        assert 0 < call.seconds_left <= 3
        return Answer(message.text)

    who = Principal(user_id="me", role="admin", session_id="s1")
    async with talking(bus_url, handler) as caller:
        with context.during(Handling(request_id="r1", traceparent="00-trace")):
            await caller.ask(Say(text="a"), who, seconds=3, idempotency_key="once")
        await caller.ask(Say(text="b"), seconds=3)
    assert calls[0].user == who
    assert (calls[0].traceparent, calls[0].idempotency_key) == ("00-trace", "once")
    assert calls[1].principal is None
    assert calls[0].id != calls[1].id


async def test_many_at_once_get_their_own_answers(bus_url: str) -> None:
    """Replies come in any order on one stream, and find who asked."""

    async def handler(message: Say, _: Call) -> Answer:
        await asyncio.sleep(0.02 if int(message.text) % 2 else 0)
        return Answer(message.text)

    async with talking(bus_url, handler) as caller:
        heard = await asyncio.gather(*(caller.call(Say(text=str(number))) for number in range(300)))
    assert [text for text, _ in heard] == [str(number) for number in range(300)]


async def test_a_service_error_arrives_as_it_was_raised(bus_url: str) -> None:
    """Its class, its sentence, the faults of the input, and when to try again."""
    fault = InputError("/spec/entry", "close the parenthesis", line=1, column=9)

    async def handler(message: Say, _: Call) -> Answer:
        if message.text == "faulty":
            raise Invalid("That is not valid", errors=(fault,))
        raise Unavailable("Too early", retry_after=7.5)

    async with talking(bus_url, handler) as caller:
        with pytest.raises(Invalid, match="That is not valid") as invalid:
            await caller.call(Say(text="faulty"))
        with pytest.raises(Unavailable, match="Too early") as unavailable:
            await caller.call(Say(text="early"))
    assert invalid.value.errors == (fault,)
    assert unavailable.value.retry_after == 7.5


async def test_an_unexpected_exception_keeps_its_text_to_itself(bus_url: str) -> None:
    """The caller gets an internal error at once; what went wrong, and with which data, stays in the service's log."""

    async def handler(message: Say, _: Call) -> Answer:
        raise ZeroDivisionError(f"the password is {message.text}")

    async with talking(bus_url, handler) as caller:
        with pytest.raises(ServiceError) as raised:
            await caller.call(Say(text="hunter2"))
    assert type(raised.value) is ServiceError
    assert "hunter2" not in str(raised.value)


async def test_the_caller_gives_up_at_its_deadline(bus_url: str) -> None:
    """And the answer that comes later harms nobody."""
    hold = Hold("slow")
    async with talking(bus_url, hold) as caller:
        started = time.monotonic()
        with pytest.raises(DeadlineExceeded, match=r"echo service did not answer within 0\.2 s"):
            await caller.call(Say(text="slow"), seconds=0.2)
        assert 0.2 <= time.monotonic() - started < allowed(1)
        hold.release()
        assert (await caller.call(Say(text="next")))[0] == "next"


async def test_a_service_that_is_not_there_costs_the_deadline(bus_url: str) -> None:
    """Nothing more: the caller's own state is as before."""
    async with asking(bus_url) as caller:
        with pytest.raises(DeadlineExceeded):
            await caller.call(Say(text="anyone?"), seconds=0.1)
        assert not caller._waiting


async def test_a_caller_that_is_cancelled_leaves_nothing_behind(bus_url: str) -> None:
    """A client that hangs up must not fill the table of those who wait."""
    hold = Hold("slow")
    async with talking(bus_url, hold) as caller:
        asked = asyncio.create_task(caller.call(Say(text="slow")))
        await eventually(lambda: hold.took("slow"))
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert not caller._waiting
        hold.release()


async def test_more_than_the_bound_is_refused_at_once(bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than queued into the deadline; what is in flight is answered, and then there is room again."""
    monkeypatch.setattr(caller_module, "MAX_IN_FLIGHT", 3)
    hold = Hold("0", "1", "2")
    async with talking(bus_url, hold) as caller:
        asked = [asyncio.create_task(caller.call(Say(text=str(number)))) for number in range(3)]
        await eventually(lambda: hold.took("0", "1", "2"))
        started = time.monotonic()
        with pytest.raises(Unavailable, match="in flight") as refused:
            await caller.call(Say(text="one too many"))
        assert time.monotonic() - started < allowed(0.5)
        assert refused.value.retry_after is not None
        hold.release()
        assert [text for text, _ in await asyncio.gather(*asked)] == ["0", "1", "2"]
        assert (await caller.call(Say(text="room")))[0] == "room"
    assert "one too many" not in hold.taken


async def test_a_service_that_is_slow_takes_no_room_from_others(bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each service has a bound of its own."""
    monkeypatch.setattr(caller_module, "MAX_IN_FLIGHT", 1)
    hold = Hold("slow")
    async with talking(bus_url, hold) as caller:
        slow = asyncio.create_task(caller.call(Say(text="slow")))
        await eventually(lambda: hold.took("slow"))
        with pytest.raises(DeadlineExceeded):
            await caller.ask(Say(text="nobody answers there"), service="other", seconds=0.1)
        hold.release()
        await slow


async def test_nothing_is_asked_when_no_time_is_left(bus_url: str, redis: Redis) -> None:
    """Of a request that was late already: it would be thrown away, and its caller waits for nothing."""
    async with asking(bus_url) as caller:
        with pytest.raises(DeadlineExceeded, match="no time left"):
            await caller.ask(Say(text="late"), seconds=-0.5)
        assert not await redis.exists(RPC)


async def test_a_large_answer_travels_through_the_object_store(bus_url: str, redis: Redis, tmp_path: Path) -> None:
    """It never touches the bus, and its object is gone once it was read."""
    objects = Objects(tmp_path.as_uri())
    large = "x" * MAX_REPLY_BYTES
    sizes: list[int] = []

    async def handler(message: Say, _: Call) -> Answer:
        sizes.append(len(message.text))
        return Answer(large if message.text == "large" else large[:-2], {"backtest:1": 3})

    async with talking(bus_url, handler, objects=objects) as caller:
        heard, reply = await caller.call(Say(text="large"))
        assert heard == large
        assert reply.versions == {"backtest:1": 3}
        assert await largest_body(redis, caller.stream) == 0
        heard, _ = await caller.call(Say(text="just fits"))
        assert len(heard) + 2 == MAX_REPLY_BYTES
        assert await largest_body(redis, caller.stream) == MAX_REPLY_BYTES
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


async def largest_body(redis: Redis, stream: str) -> int:
    """Return the bytes of the largest reply on the bus."""
    return max(len(entry.fields.get(b"body", b"")) for entry in await entries(redis, stream))


async def test_a_large_answer_that_got_lost_is_no_not_found(bus_url: str, tmp_path: Path) -> None:
    """Asking again may help; saying that the thing itself is not there would be a lie."""

    class Forgetful(Objects):
        async def put(self, key: str, content: bytes | Path) -> None:
            """Keep nothing."""

    async def handler(_: Say, __: Call) -> Answer:
        return Answer("x" * MAX_REPLY_BYTES)

    async with talking(bus_url, handler, objects=Forgetful(tmp_path.as_uri())) as caller:
        with pytest.raises(Unavailable):
            await caller.call(Say(text="large"))


async def test_a_large_answer_that_does_not_come_costs_the_deadline(bus_url: str, tmp_path: Path) -> None:
    """Waiting for the object store is waiting for the answer."""

    class Stuck(Objects):
        async def get(self, key: str) -> bytes:
            """Never answer."""
            await asyncio.Event().wait()
            return key.encode()

    async def handler(_: Say, __: Call) -> Answer:
        return Answer("x" * MAX_REPLY_BYTES)

    async with talking(bus_url, handler, objects=Stuck(tmp_path.as_uri())) as caller:
        with pytest.raises(DeadlineExceeded):
            await caller.call(Say(text="large"), seconds=0.5)


async def test_every_round_trip_is_observed(bus_url: str, redis: Redis) -> None:
    """With its method and how it ended, whatever the end."""
    seen: list[tuple[str, str]] = []

    async def handler(message: Say, _: Call) -> Answer:
        if message.text == "no":
            raise Conflict("no")
        return Answer(message.text)

    async with talking(bus_url, handler) as caller:
        caller._observe = lambda method, outcome, _: seen.append((method, outcome))
        await caller.call(Say(text="yes"))
        with pytest.raises(Conflict):
            await caller.call(Say(text="no"))
    assert seen == [("echo.say", "ok"), ("echo.say", "error")]


async def test_a_lost_reply_stream_is_made_again(bus_url: str, redis: Redis) -> None:
    """What was asked in between is lost, and what is asked afterwards is answered."""
    async with talking(bus_url, echo) as caller:
        await redis.delete(caller.stream)

        async def back() -> bool:
            return bool(await redis.exists(caller.stream))

        await eventually(back)
        assert (await caller.call(Say(text="again")))[0] == "again"


async def test_a_reply_stream_outlives_its_owner_by_a_minute_at_most(bus_url: str, redis: Redis) -> None:
    """It is removed at the stop, and expires where there was no time for one."""
    async with asking(bus_url) as caller:
        assert 0 < await redis.ttl(caller.stream) <= 60
    assert not await redis.exists(caller.stream)


async def test_a_stop_does_not_make_the_reply_stream_again(
    bus_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who keeps it alive, here without a pause, has ended when it is removed."""
    monkeypatch.setattr(caller_module, "TEND_SECONDS", 0.0)
    service = Service("asker", Settings(bus_url=bus_url))
    caller = service.caller()
    service.requests()
    async with service.running():
        assert await redis.exists(caller.stream)
    assert not await redis.exists(caller.stream)


async def test_replies_that_were_read_do_not_stay_on_the_bus(
    bus_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It refuses everything when it is full, and large answers would fill it within minutes."""
    monkeypatch.setattr(caller_module, "TEND_SECONDS", 0.05)

    async def handler(_: Say, __: Call) -> Answer:
        return Answer("x" * 20_000)

    async with talking(bus_url, handler) as caller:
        await asyncio.gather(*(caller.call(Say(text="large")) for _ in range(200)))

        async def short() -> bool:
            return await redis.xlen(caller.stream) <= 1

        await eventually(short)
        await caller.call(Say(text="one more"))


async def test_services_write_no_reply_to_a_stream_that_is_gone(
    bus_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or each dead caller would leave one behind for ever."""
    monkeypatch.setattr(caller_module, "TEND_SECONDS", 60.0)
    hold = Hold("slow")
    async with talking(bus_url, hold) as caller:
        asked = asyncio.create_task(caller.call(Say(text="slow"), seconds=1))
        await eventually(lambda: hold.took("slow"))
        await redis.delete(caller.stream)
        hold.release()
        await eventually(lambda: emptied(redis, RPC, "echo"))
        assert not await redis.exists(caller.stream)
        with pytest.raises(DeadlineExceeded):
            await asked


async def test_two_callers_do_not_hear_each_other(bus_url: str) -> None:
    """One reply stream a process."""
    async with talking(bus_url, echo) as one, asking(bus_url) as other:
        assert one.stream != other.stream
        heard = await asyncio.gather(*(who.call(Say(text=who.stream)) for who in (one, other) for _ in range(20)))
    assert [text for text, _ in heard] == [one.stream] * 20 + [other.stream] * 20


async def test_a_service_can_be_asked_in_place_of_the_messages_own(bus_url: str) -> None:
    """As for the health check, which every service answers."""
    async with talking(bus_url, echo) as caller:
        reply = await caller.ask(CheckHealth(), service="echo")
    assert b'"status":"ok"' in reply.body


async def test_before_the_start_nobody_is_asked(bus_url: str) -> None:
    """A process that listens while it starts tells who comes too early at once, rather than when it is too late."""
    caller = Service("asker", Settings(bus_url=bus_url)).caller()
    with pytest.raises(Unavailable, match="only starting"):
        await caller.call(Say(text="anyone?"))


async def test_a_reply_stream_that_cannot_be_made_again_is_told(own_bus: ValkeyServer) -> None:
    """Requests would be done, and nobody would hear of it: the process is not ready until it is back."""
    service = Service("asker", Settings(bus_url=own_bus.url))
    caller = service.caller()

    async def told() -> bool:
        return (await service.health.ready()).checks["replies"].detail == f"the reply stream {caller.stream} is gone"

    async def well() -> bool:
        return (await service.health.ready()).status == "ok"

    async with service.running(), Redis.from_url(own_bus.url, protocol=2) as redis:
        await redis.config_set("maxmemory", "1")
        await redis.delete(caller.stream)
        await eventually(told)
        await redis.config_set("maxmemory", "0")
        await eventually(well)

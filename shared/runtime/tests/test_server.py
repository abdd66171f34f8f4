"""Request and reply, as the answering side sees it."""

import asyncio
import logging
import time

import msgspec
import pytest
from redis.asyncio import Redis

from shared.contracts.envelopes import ReplyEnvelope, RequestEnvelope
from shared.contracts.errors import Malformed, ServiceError, Unauthenticated, Unavailable
from shared.contracts.ids import new_id
from shared.contracts.messages import LogIn
from shared.runtime import context
from shared.runtime.bus import server as server_module
from shared.runtime.bus.caller import Caller
from shared.runtime.bus.server import Answer, Call
from shared.runtime.context import Handling
from shared.runtime.logs import JsonFormatter
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.bus_state import emptied, entries, given_unseen, pending
from shared.runtime.tests.echo import DEAD, RPC, Hold, Say, answering, asking, echo, talking
from shared.runtime.tests.eventually import eventually, never
from tests.seconds import allowed

pytestmark = pytest.mark.integration


def request(reply_to: str, *, seconds: float = 5, method: str = Say.METHOD, body: bytes) -> RequestEnvelope:
    """Return a request as its caller would make it."""
    return RequestEnvelope(
        id=new_id(),
        method=method,
        deadline=int((time.time() + seconds) * 1000),
        reply_to=reply_to,
        principal=None,
        traceparent="",
        idempotency_key="",
        body=body,
    )


def spoiled(sent: RequestEnvelope) -> dict[str, str | bytes]:
    """Return an entry with a deadline that is none."""
    entry = sent.to_entry()
    return {**entry, "request": msgspec.json.encode({**msgspec.json.decode(entry["request"]), "deadline": "soon"})}


async def send(redis: Redis, reply_to: str, *, seconds: float = 5, method: str = Say.METHOD, body: bytes) -> str:
    """Put a request on the bus by hand; returns its id."""
    sent = request(reply_to, seconds=seconds, method=method, body=body)
    await redis.xadd(RPC, sent.to_entry())  # type: ignore[arg-type]  # the stubs ask for a wider dict
    return sent.id


async def test_an_answered_request_leaves_nothing_on_the_bus(bus_url: str, redis: Redis) -> None:
    """It is acknowledged and deleted, whether it was answered well or badly."""

    async def handler(message: Say, _: Call) -> Answer:
        if int(message.text) % 3 == 0:
            raise Malformed("three")
        if int(message.text) % 3 == 1:
            raise ZeroDivisionError
        return Answer(message.text)

    async with talking(bus_url, handler) as caller:
        asked = (caller.call(Say(text=str(number))) for number in range(30))
        await asyncio.gather(*asked, return_exceptions=True)
        await eventually(lambda: emptied(redis, RPC, "echo"))


async def test_a_slow_request_holds_back_none_behind_it(bus_url: str) -> None:
    """Not in its own batch and not in later ones."""
    hold = Hold("slow")
    async with talking(bus_url, hold) as caller:
        slow = asyncio.create_task(caller.call(Say(text="slow")))
        same_batch = [asyncio.create_task(caller.call(Say(text=f"fast {number}"))) for number in range(5)]
        await asyncio.gather(*same_batch)
        await caller.call(Say(text="later"))
        assert not slow.done()
        hold.release()
        assert (await slow)[0] == "slow"


async def test_no_more_than_the_bound_is_worked_on_at_once(bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest waits on the bus, where another process of the service could take it, and is answered in its turn."""
    monkeypatch.setattr(server_module, "MAX_IN_FLIGHT", 2)
    hold = Hold(*"abcdef")
    async with talking(bus_url, hold) as caller:
        asked = [asyncio.create_task(caller.call(Say(text=text))) for text in "abcdef"]
        await eventually(lambda: hold.took("a", "b"))
        await never(lambda: hold.took("c"), during=0.2)
        hold.release()
        assert [text for text, _ in await asyncio.gather(*asked)] == list("abcdef")


async def test_what_cannot_be_begun_is_left_to_others(bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose slots are all taken holds nothing back: its neighbour answers all that comes."""
    monkeypatch.setattr(server_module, "MAX_IN_FLIGHT", 2)
    stuck, free = Hold("a", "b"), Hold()
    async with answering(bus_url, stuck), asking(bus_url) as caller:
        held = [asyncio.create_task(caller.call(Say(text=text))) for text in "ab"]
        await eventually(lambda: stuck.took("a", "b"))
        async with answering(bus_url, free):
            await asyncio.gather(*(caller.call(Say(text=str(number))) for number in range(20)))
        assert sorted(free.taken, key=int) == [str(number) for number in range(20)]
        stuck.release()
        await asyncio.gather(*held)


async def test_a_request_past_its_deadline_is_never_executed(bus_url: str, redis: Redis) -> None:
    """Its caller gave up: work on it would only delay those who still wait. It is put away all the same."""
    hold = Hold()
    async with asking(bus_url) as caller:
        await send(redis, caller.stream, seconds=-0.001, body=b'{"text":"too late"}')
        async with answering(bus_url, hold):
            await caller.call(Say(text="in time"))
            await eventually(lambda: emptied(redis, RPC, "echo"))
    assert hold.taken == ["in time"]


async def test_what_a_stopped_reader_has_not_seen_is_answered(bus_url: str, redis: Redis) -> None:
    """A stop may cut a read off that the bus was answering: its requests are this process's, and nobody else's."""
    hold = Hold()
    async with asking(bus_url) as caller:
        async with answering(bus_url, hold) as service:
            await caller.call(Say(text="seen"))
            unseen = request(caller.stream, body=b'{"text":"unseen"}')
            await given_unseen(redis, RPC, "echo", service.instance, unseen.to_entry())
            assert await pending(redis, RPC, "echo") == 1
        assert hold.taken == ["seen", "unseen"]
        assert await emptied(redis, RPC, "echo")
        assert (await redis.xinfo_groups(RPC))[0]["consumers"] == 0


async def test_what_waited_for_a_slot_past_its_deadline_is_not_executed(
    bus_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline is looked at when the work would begin, not when the request was read."""
    monkeypatch.setattr(server_module, "MAX_IN_FLIGHT", 1)
    hold = Hold("slow")
    async with talking(bus_url, hold) as caller:
        slow = asyncio.create_task(caller.call(Say(text="slow")))
        await eventually(lambda: hold.took("slow"))
        with pytest.raises(ServiceError):
            await caller.call(Say(text="impatient"), seconds=0.1)
        hold.release()
        await slow
        await caller.call(Say(text="next"))
    assert hold.taken == ["slow", "next"]


async def test_an_unknown_method_is_refused_by_its_name(bus_url: str) -> None:
    """A caller newer than the service learns it at once."""
    async with talking(bus_url, echo) as caller:
        with pytest.raises(Malformed, match=r"no method session\.open"):
            await caller.ask(LogIn(email="a@b.c", password="x"), service="echo")


@pytest.mark.parametrize("body", [b"{}", b'{"text":5}', b'{"text"', b"", b'{"text":"\xff"}', b"[]"])
async def test_a_body_that_does_not_fit_is_refused(bus_url: str, redis: Redis, body: bytes) -> None:
    """Of the wrong shape, cut off, or no text at all: it is the caller's fault and the handler never sees it."""
    hold = Hold()
    async with talking(bus_url, hold) as caller:
        sent = await send(redis, caller.stream, body=body)

        async def replied() -> bool:
            found = [entry.fields for entry in await entries(redis, caller.stream)]
            replies = [ReplyEnvelope.from_entry(fields) for fields in found if b"reply" in fields]
            return [(reply.id, reply.error and reply.error.kind) for reply in replies] == [(sent, "malformed")]

        await eventually(replied)
    assert hold.taken == []


async def test_an_entry_that_is_no_request_is_put_aside(
    bus_url: str, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """Among the dead letters, at once and with all it had; the requests around it are answered."""
    async with talking(bus_url, echo) as caller:
        with caplog.at_level(logging.ERROR):
            await redis.xadd(RPC, {"hello": "world"})
            await caller.call(Say(text="between"))
            await redis.xadd(RPC, {"id": b"\xff", "deadline": "soon"})
            await eventually(lambda: emptied(redis, RPC, "echo"))
            await caller.call(Say(text="after"))
    assert len([record for record in caplog.records if "it is no request" in record.getMessage()]) == 2
    first, second = [entry.fields for entry in await entries(redis, DEAD)]
    assert (first[b"reason"], first[b"group"], first[b"field:hello"]) == (b"malformed", b"echo", b"world")
    assert (second[b"field:id"], second[b"field:deadline"]) == (b"\xff", b"soon")


async def test_who_sent_what_cannot_be_read_is_told(bus_url: str, redis: Redis) -> None:
    """Where the entry still says who it was; and nobody else can be written to that way."""
    async with talking(bus_url, echo) as caller:
        for reply_to in (caller.stream, RPC):
            fields = spoiled(request(reply_to, body=b"{}"))
            await redis.xadd(RPC, fields)  # type: ignore[arg-type]  # the stubs ask for a wider dict

        async def told() -> bool:
            replies = [entry.fields.get(b"reply", b"") for entry in await entries(redis, caller.stream)]
            return [b'"kind":"malformed"' in reply for reply in replies].count(True) == 1

        await eventually(told)
        await eventually(lambda: emptied(redis, RPC, "echo"))


async def test_a_dead_letter_keeps_no_secret(bus_url: str, redis: Redis) -> None:
    """Neither what a method is known to carry, nor what one carries that nobody knows."""
    async with answering(bus_url, echo) as service:
        service._servers[0].handle(LogIn, lambda *_: echo(Say(text=""), _[1]))
        for method in (LogIn.METHOD, "no.such", Say.METHOD):
            fields = spoiled(request("aurelius.replies.gone", method=method, body=b"hunter2"))
            await redis.xadd(RPC, fields)  # type: ignore[arg-type]  # the stubs ask for a wider dict
        await eventually(lambda: emptied(redis, RPC, "echo"))
    letters = [entry.fields for entry in await entries(redis, DEAD)]
    kept = {msgspec.json.decode(fields[b"field:request"])["method"]: fields for fields in letters}
    assert [method for method, fields in kept.items() if b"field:body" in fields] == [Say.METHOD]
    assert b"hunter2" not in b"".join([*kept[LogIn.METHOD].values(), *kept["no.such"].values()])


async def test_an_answer_that_cannot_be_written_is_an_error_at_once(bus_url: str, redis: Redis) -> None:
    """Never a silence: the caller must not wait for its deadline, nor the entry stay pending."""

    async def handler(message: Say, _: Call) -> Answer:
        return Answer(object() if message.text == "odd" else message.text)

    async with talking(bus_url, handler) as caller:
        started = time.monotonic()
        with pytest.raises(ServiceError) as raised:
            await caller.call(Say(text="odd"))
        assert type(raised.value) is ServiceError
        assert time.monotonic() - started < allowed(2)
        await eventually(lambda: emptied(redis, RPC, "echo"))


async def test_bytes_are_an_answer_made_already(bus_url: str) -> None:
    """They travel as they are: what is JSON already is not encoded twice."""

    async def handler(_: Say, __: Call) -> Answer:
        return Answer(b'{"made": "elsewhere"}')

    async with talking(bus_url, handler) as caller:
        assert (await caller.ask(Say(text="x"))).body == b'{"made": "elsewhere"}'


async def test_a_handler_that_needs_a_user_refuses_a_stranger(bus_url: str) -> None:
    """With the error that tells a client to log in."""

    async def handler(_: Say, call: Call) -> Answer:
        return Answer(call.user.user_id)

    async with talking(bus_url, handler) as caller:
        with pytest.raises(Unauthenticated):
            await caller.call(Say(text="x"))


async def test_every_request_is_observed(bus_url: str) -> None:
    """By its method and the kind of its error, which is what the metrics count."""
    seen: list[tuple[str, str]] = []

    async def handler(message: Say, _: Call) -> Answer:
        if message.text == "no":
            raise Malformed("no")
        return Answer(message.text)

    async with answering(bus_url, handler) as service, asking(bus_url) as caller:
        service._servers[0]._observe = lambda method, outcome, _: seen.append((method, outcome))
        await caller.call(Say(text="yes"))
        with pytest.raises(Malformed):
            await caller.call(Say(text="no"))
    assert seen == [("echo.say", "ok"), ("echo.say", "malformed")]


async def test_two_processes_share_the_requests(bus_url: str) -> None:
    """Each request is handled by one of them."""
    one, other = Hold(), Hold()
    async with answering(bus_url, one), talking(bus_url, other) as caller:
        for start in range(0, 400, 20):
            await asyncio.gather(*(caller.call(Say(text=str(number))) for number in range(start, start + 20)))
    assert sorted(one.taken + other.taken, key=int) == [str(number) for number in range(400)]
    assert one.taken
    assert other.taken


async def test_a_request_writes_one_line(bus_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """With what came of it, and whether that was the answer of before."""

    async def handler(message: Say, _: Call) -> Answer:
        return Answer(message.text, replayed=message.text == "again")

    async with talking(bus_url, handler) as caller:
        with caplog.at_level(logging.DEBUG):
            for text in ("once", "again"):
                await caller.call(Say(text=text))
    first, second = [record for record in caplog.records if record.name == server_module.__name__]
    assert [vars(each)["outcome"] for each in (first, second)] == ["ok", "ok"]
    assert [each.getMessage().endswith(" ms, as before") for each in (first, second)] == [False, True]


async def test_a_request_is_in_the_lines_of_who_handles_it(bus_url: str) -> None:
    """Under the id and the trace of the HTTP request that it came of, also where it is asked on; each under its own."""
    formatter = JsonFormatter("echo")
    front = Service("front", Settings(bus_url=bus_url))
    back = front.caller()
    seen: dict[str, list[tuple[str, str, str]]] = {}

    def note(text: str) -> None:
        line = msgspec.json.decode(formatter.format(logging.makeLogRecord({"msg": "handled"})), type=dict[str, str])
        seen.setdefault(text, []).append((line["request_id"], line["trace_id"], line["method"]))

    async def ask_on(message: Say, _: Call) -> Answer:
        note(message.text)
        await back.call(message)
        note(message.text)
        return Answer(message.text)

    async def handler(message: Say, _: Call) -> Answer:
        note(message.text)
        return Answer(message.text)

    async def ask(caller: Caller, number: int) -> None:
        context.begin(Handling(request_id=f"r{number}", traceparent=f"00-{number:032x}-{1:016x}-01"))
        await caller.ask(Say(text=str(number)), service="front")

    front.requests().handle(Say, ask_on)
    async with answering(bus_url, handler), front.running(), asking(bus_url) as caller:
        await asyncio.gather(*(asyncio.create_task(ask(caller, number)) for number in range(1, 21)))
    assert seen == {str(n): [(f"r{n}", f"{n:032x}", "echo.say")] * 3 for n in range(1, 21)}


async def test_a_request_that_came_of_none_over_http_is_known_by_its_own_id(bus_url: str, redis: Redis) -> None:
    """The one of its envelope is as good to find its lines by."""
    seen: list[str] = []

    async def handler(message: Say, _: Call) -> Answer:
        seen.append(context.current().request_id)
        return Answer(message.text)

    async with talking(bus_url, handler) as caller:
        sent = await send(redis, caller.stream, body=b'{"text":"x"}')

        async def handled() -> bool:
            return seen == [sent]

        await eventually(handled)


@pytest.mark.parametrize(
    ("failure", "level", "text"),
    [
        (Unavailable("The database does not answer"), logging.WARNING, "refused: The database does not answer"),
        (ZeroDivisionError("secret of ours"), logging.ERROR, "failed"),
        (Malformed("the caller's own fault"), None, ""),
    ],
)
async def test_what_is_not_the_callers_fault_is_logged(
    bus_url: str, caplog: pytest.LogCaptureFixture, failure: Exception, level: int | None, text: str
) -> None:
    """With its cause, so that a 503 or a 500 can be looked up by the request id that the client was given."""

    async def handler(_: Say, __: Call) -> Answer:
        raise failure

    async with talking(bus_url, handler) as caller:
        with caplog.at_level(logging.INFO), pytest.raises(ServiceError):
            await caller.call(Say(text="x"))
    lines = [record for record in caplog.records if record.name == server_module.__name__]
    assert [(record.levelno, record.getMessage()) for record in lines] == ([] if level is None else [(level, text)])

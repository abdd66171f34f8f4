"""What readers do with entries, without a bus."""

import asyncio
import time

import pytest

from shared.contracts.envelopes import ReplyEnvelope, RequestEnvelope
from shared.contracts.errors import Unavailable
from shared.contracts.ids import new_id
from shared.runtime.bus import consumer as consumer_module
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.server import Answer, Call
from shared.runtime.tests.echo import RPC, Hold, Say, echo
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.offline import Offline, make_offline, offline

STREAM = "aurelius.events.strategy"


async def test_entries_come_as_they_were_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that are no text, no JSON and not FastStream's own format are handed on untouched, with their ids."""
    written = [Entry(b"7-0", {b"\xff\x00": b"\xfe{", b"data": b""}), Entry(b"9-0", {})]
    seen: list[list[Entry]] = []

    async def handler(entries: list[Entry]) -> None:
        seen.append(entries)

    made = make_offline("invalidator", monkeypatch)
    made.service.consume(STREAM, handler)
    async with offline(made):
        await made.deliver(STREAM, written)
    assert seen == [written]


async def test_a_batch_is_acknowledged_when_it_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not before: a handler that fails is given it again, and only then is the group told."""
    monkeypatch.setattr(consumer_module, "RETRY_SECONDS", (0.0,))
    made = make_offline("invalidator", monkeypatch)
    tries: list[int] = []

    async def handler(entries: list[Entry]) -> None:
        tries.append(len(entries))
        assert made.writer.sent == []
        if len(tries) < 3:
            raise Unavailable("not yet")

    made.service.consume(STREAM, handler, delete=True)
    async with offline(made):
        await made.deliver(STREAM, [Entry(b"1-0", {}), Entry(b"2-0", {})])
    assert tries == [2, 2, 2]
    acknowledged = ("XACK", STREAM, "invalidator", b"1-0", b"2-0")
    assert made.writer.sent == [acknowledged, ("XDEL", STREAM, b"1-0", b"2-0")]


def asked(text: str, *, seconds: float = 5, method: str = Say.METHOD) -> Entry:
    """Return a request as it stands in the stream."""
    request = RequestEnvelope(
        id=new_id(),
        method=method,
        deadline=int((time.time() + seconds) * 1000),
        reply_to="aurelius.replies.asker",
        principal=None,
        traceparent="",
        idempotency_key="",
        body=b'{"text":"%s"}' % text.encode(),
    )
    fields = request.to_entry().items()
    return Entry(
        b"5-0", {name.encode(): value if isinstance(value, bytes) else value.encode() for name, value in fields}
    )


async def put_away(made: Offline) -> bool:
    """Say whether the request has been acknowledged and deleted."""
    return made.writer.sent[-2:] == [("XACK", RPC, "echo", b"5-0"), ("XDEL", RPC, b"5-0")]


@pytest.mark.parametrize(("method", "error"), [(Say.METHOD, False), ("echo.unheard", True)])
async def test_a_reply_goes_before_its_request_is_put_away(
    monkeypatch: pytest.MonkeyPatch, method: str, error: bool
) -> None:
    """Whether it is an answer or an error; in that order, so that none is put away without one."""
    made = make_offline("echo", monkeypatch)
    made.service.requests().handle(Say, echo)
    async with offline(made):
        await made.deliver(RPC, [asked("hello", method=method)])
        await eventually(lambda: put_away(made))
    (reply, _, __) = made.writer.sent
    assert reply[:3] == ("XADD", "aurelius.replies.asker", "NOMKSTREAM")
    parts = [part if isinstance(part, bytes) else str(part).encode() for part in reply[reply.index("*") + 1 :]]
    envelope = ReplyEnvelope.from_entry(dict(zip(parts[::2], parts[1::2], strict=True)))
    assert (envelope.error is not None, envelope.body) == (error, b"" if error else b'"hello"')


async def test_nothing_is_done_for_a_caller_that_gave_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its request is put away without an answer, and before its neighbours are done."""
    made, hold = make_offline("echo", monkeypatch), Hold("slow")

    async def handler(message: Say, call: Call) -> Answer:
        return await hold(message, call)

    made.service.requests().handle(Say, handler)
    async with offline(made):
        await made.deliver(RPC, [asked("slow"), asked("late", seconds=-1)])
        await eventually(lambda: put_away(made))
        assert hold.taken == ["slow"]
        hold.release()
        await asyncio.sleep(0)

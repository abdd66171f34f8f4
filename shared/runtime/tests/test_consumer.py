"""Reading a stream through a consumer group."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Container, Sequence
from contextlib import asynccontextmanager
from typing import cast

import msgspec
import pytest
from redis.asyncio import Redis

from shared.contracts.bus_messages import Delivery
from shared.contracts.errors import Unavailable
from shared.runtime import context
from shared.runtime.bus import abandoned, in_hand
from shared.runtime.bus import consumer as consumer_module
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.consumer import MAX_TRIES, Handler, Refused
from shared.runtime.context import Handling
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.bus_state import emptied, entries, given_unseen, pending
from shared.runtime.tests.eventually import eventually
from tests.seconds import allowed

pytestmark = pytest.mark.integration

STREAM = "aurelius.events.strategy"
DEAD = "aurelius.dead.events.strategy"
GROUP = "invalidator"


class Reader:
    """A handler that fails as often as it is told, and remembers the batches it was given and those it did."""

    def __init__(self, *failures: Exception) -> None:
        self.given: list[list[str]] = []
        self.done: list[str] = []
        self._failures = list(failures)

    async def __call__(self, entries: list[Entry]) -> Sequence[Refused] | None:
        """Take a batch, or fail."""
        numbers = [entry.fields[b"number"].decode() for entry in entries]
        self.given.append(numbers)
        if self._failures:
            raise self._failures.pop(0)
        self.done += numbers
        return None

    async def did(self, number: int) -> bool:
        """Say whether this entry was handled."""
        return str(number) in self.done


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test has no second to wait."""
    monkeypatch.setattr(consumer_module, "RETRY_SECONDS", (0.01,))


@asynccontextmanager
async def reading(
    bus_url: str,
    handler: Handler,
    *,
    delete: bool = False,
    reclaim: bool = False,
    max_records: int = 200,
) -> AsyncIterator[Service]:
    """Run a process that reads the stream."""
    service = Service("invalidator", Settings(bus_url=bus_url))
    service.consume(STREAM, handler, delete=delete, reclaim=reclaim, max_records=max_records)
    async with service.running():
        yield service


async def write(redis: Redis, *numbers: int) -> None:
    """Add entries."""
    for number in numbers:
        await redis.xadd(STREAM, {"number": number}, id=f"{number}-0")


async def test_a_new_group_begins_at_the_streams_beginning(bus_url: str, redis: Redis) -> None:
    """What was written before anyone read is delivered too, in order."""
    await write(redis, *range(1, 51))
    reader = Reader()
    async with reading(bus_url, reader):
        await write(redis, 51)
        await eventually(lambda: reader.did(51))
    assert reader.done == [str(number) for number in range(1, 52)]


async def test_what_was_handled_is_acknowledged_and_kept(bus_url: str, redis: Redis) -> None:
    """Other groups still want it; this one is not given it again."""
    await write(redis, 1, 2, 3)
    first, second = Reader(), Reader()
    async with reading(bus_url, first):
        await eventually(lambda: first.did(3))
    await write(redis, 4)
    async with reading(bus_url, second):
        await eventually(lambda: second.did(4))
        await eventually(lambda: acknowledged(redis))
    assert second.done == ["4"]
    assert await redis.xlen(STREAM) == 4


@pytest.mark.parametrize("failure", [Unavailable("the cache is away"), ConnectionError("nobody answers")])
async def test_a_batch_is_given_again_while_what_it_needs_is_away(
    bus_url: str, redis: Redis, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """However often: nothing is skipped, nothing is acknowledged before, and each failure is logged."""
    await write(redis, 1, 2, 3)
    reader = Reader(*[failure] * 20)
    with caplog.at_level(logging.WARNING):
        async with reading(bus_url, reader):
            await eventually(lambda: reader.did(3))
            await eventually(lambda: acknowledged(redis))
    assert reader.given == [["1", "2", "3"]] * 21
    assert reader.done == ["1", "2", "3"]
    assert sum(str(failure) in record.getMessage() for record in caplog.records) == 20
    assert not await redis.exists(DEAD)


class Choosy(Reader):
    """A handler that fails on some entries for ever, and cannot read some."""

    def __init__(self, *, fails: Container[str] = (), refuses: Container[str] = ()) -> None:
        super().__init__()
        self._fails = fails
        self._refuses = refuses

    async def __call__(self, entries: list[Entry]) -> list[Refused]:
        """Take a batch, or fail."""
        numbers = [entry.fields[b"number"].decode() for entry in entries]
        self.given.append(numbers)
        if any(number in self._fails for number in numbers):
            raise ZeroDivisionError("a mistake of ours")
        self.done += [number for number in numbers if number not in self._refuses]
        return [Refused(entry, "no number") for entry in entries if entry.fields[b"number"].decode() in self._refuses]


async def test_an_entry_that_fails_for_ever_holds_nothing_up(
    bus_url: str, redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """It is put aside with its history, and a digest by which its failures can be counted; the others are done, each
    once and in their order.
    """
    await write(redis, *range(1, 6))
    reader = Choosy(fails={"3"})
    with caplog.at_level(logging.WARNING):
        async with reading(bus_url, reader):
            await eventually(lambda: reader.did(5))
            await eventually(lambda: acknowledged(redis))
    assert reader.done == ["1", "2", "4", "5"]
    assert reader.given == [["1", "2", "3", "4", "5"], ["1"], ["2"], *[["3"]] * MAX_TRIES, ["4"], ["5"]]
    (letter,) = await entries(redis, DEAD)
    assert letter.fields[b"reason"] == b"failed"
    assert letter.fields[b"entry"] == b"3-0"
    assert letter.fields[b"field:number"] == b"3"
    assert len(letter.fields[b"traceback"]) == 16
    history = msgspec.json.decode(letter.fields[b"history"], type=list[Delivery])
    assert [delivery.error for delivery in history] == ["ZeroDivisionError('a mistake of ours')"] * MAX_TRIES
    assert any(record.exc_info for record in caplog.records)
    assert await redis.xlen(STREAM) == 5  # other groups still want it


async def test_what_a_handler_cannot_read_is_put_aside_at_once(bus_url: str, redis: Redis) -> None:
    """It is not tried again, and what stands around it is acknowledged; with `delete` it is gone from its stream."""
    await write(redis, *range(1, 4))
    reader = Choosy(refuses={"2"})
    async with reading(bus_url, reader, delete=True):
        await eventually(lambda: emptied(redis, STREAM, GROUP))
    assert reader.given == [["1", "2", "3"]]
    (letter,) = await entries(redis, DEAD)
    assert (letter.fields[b"reason"], letter.fields[b"error"]) == (b"malformed", b"no number")


async def test_an_entry_that_ends_processes_is_put_aside(
    bus_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When three ended with it, the last with nothing else in hand. In company it is nobody's proof."""
    monkeypatch.setattr(abandoned, "ABANDONED_SECONDS", 0.2)
    await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    owners = {1: ("dead.after.before", 3), 2: ("dead.after.before", 2), 3: ("dead", 3)}
    for number, (owner, deliveries) in owners.items():
        await write(redis, number)
        await redis.xreadgroup(GROUP, owner, {STREAM: ">"})
        await redis.xclaim(STREAM, GROUP, owner, 0, [f"{number}-0"], retrycount=deliveries, justid=True)
    reader = Reader()
    async with reading(bus_url, reader, reclaim=True):
        await eventually(lambda: acknowledged(redis))
    assert sorted(reader.done) == ["2", "3"]
    (letter,) = await entries(redis, DEAD)
    assert (letter.fields[b"reason"], letter.fields[b"entry"]) == (b"process-ended", b"1-0")


async def test_a_handler_that_comes_back_ends_no_process(
    bus_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the cache is away an entry may be with many processes, stopped one after the other: it is not to blame."""
    monkeypatch.setattr(abandoned, "ABANDONED_SECONDS", 0.2)
    await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    await write(redis, 1)
    await redis.xreadgroup(GROUP, "dead.after.before", {STREAM: ">"})
    reader = Reader(*[Unavailable("not yet")] * 10_000)
    async with reading(bus_url, reader, reclaim=True):
        await eventually(lambda: tried(reader))
    (row,) = await redis.xpending_range(STREAM, GROUP, "-", "+", 1)
    assert row["times_delivered"] == 1
    assert b".after." not in cast("bytes", row["consumer"])


async def acknowledged(redis: Redis) -> bool:
    """Say whether the group owes nothing."""
    return await pending(redis, STREAM, GROUP) == 0


async def test_what_comes_after_waits_for_its_turn(bus_url: str, redis: Redis) -> None:
    """A later event must not be applied before an earlier one."""
    reader = Reader(*[Unavailable("not yet")] * 30)
    async with reading(bus_url, reader, max_records=2):
        await write(redis, *range(1, 8))
        await eventually(lambda: reader.did(7))
    assert reader.done == [str(number) for number in range(1, 8)]
    assert reader.given[0] == reader.given[29]
    assert all(len(batch) <= 2 for batch in reader.given)


async def test_nothing_is_acknowledged_while_the_handler_works(bus_url: str, redis: Redis) -> None:
    """A process that dies meanwhile has not taken the entries with it."""
    at_work, finish = asyncio.Event(), asyncio.Event()

    async def handler(_: list[Entry]) -> None:
        at_work.set()
        await finish.wait()

    async with reading(bus_url, handler):
        await write(redis, 1)
        await at_work.wait()
        assert await pending(redis, STREAM, GROUP) == 1
        finish.set()
        await eventually(lambda: acknowledged(redis))


async def test_a_stream_with_one_reader_is_emptied(bus_url: str, redis: Redis) -> None:
    """With `delete`, what was handled is gone."""
    reader = Reader()
    async with reading(bus_url, reader, delete=True):
        await write(redis, *range(1, 301))
        await eventually(lambda: emptied(redis, STREAM, GROUP))
    assert reader.done == [str(number) for number in range(1, 301)]


async def test_a_stop_does_not_wait_for_a_handler_that_cannot_succeed(bus_url: str, redis: Redis) -> None:
    """And the batch is not taken for done: it stays pending."""
    await write(redis, 1)
    reader = Reader(*[Unavailable("never")] * 10_000)
    async with reading(bus_url, reader):
        await eventually(lambda: tried(reader))
        stopping = time.monotonic()
    assert time.monotonic() - stopping < allowed(4)
    assert await pending(redis, STREAM, GROUP) == 1


async def test_what_a_stopped_reader_has_not_seen_is_handled(bus_url: str, redis: Redis) -> None:
    """A stop may cut a read off that the bus was answering: what it brings is this process's, and nobody else's."""
    reader = Reader()
    async with reading(bus_url, reader) as service:
        await write(redis, 1)
        await eventually(lambda: reader.did(1))
        await given_unseen(redis, STREAM, GROUP, service.instance, {"number": "2"})
    assert reader.done == ["1", "2"]
    assert await acknowledged(redis)


async def tried(reader: Reader) -> bool:
    """Say whether the handler failed a few times already."""
    return len(reader.given) > 3


async def test_what_a_dead_consumer_was_given_is_taken_over(
    bus_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that a consumer got and never acknowledged are handled by one that lives, and then acknowledged."""
    monkeypatch.setattr(abandoned, "ABANDONED_SECONDS", 0.2)
    monkeypatch.setattr(abandoned, "LOOK_SECONDS", 0.02)
    await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    await write(redis, 1, 2)
    await redis.xreadgroup(GROUP, "dead", {STREAM: ">"})
    await write(redis, 3)
    reader = Reader()
    async with reading(bus_url, reader, reclaim=True):
        await eventually(lambda: reader.did(2))
        await eventually(lambda: reader.did(3))
        await eventually(lambda: acknowledged(redis))
    assert sorted(reader.done) == ["1", "2", "3"]


async def test_a_batch_that_is_tried_again_is_not_taken_over(
    bus_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a handler fails, no second copy of its batch is started beside it, here or in another process."""
    monkeypatch.setattr(abandoned, "ABANDONED_SECONDS", 0.3)
    monkeypatch.setattr(abandoned, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(in_hand, "REFRESH_SECONDS", 0.05)
    reader = Reader(*(Unavailable("not yet") for _ in range(50)))
    idle = Reader()
    async with reading(bus_url, reader, reclaim=True):
        await write(redis, 1)
        await eventually(lambda: tried(reader))
        async with reading(bus_url, idle, reclaim=True):
            await eventually(lambda: reader.did(1))
    assert reader.done == ["1"]
    assert len(reader.given) == 51
    assert idle.given == []


async def test_a_batch_is_in_the_lines_of_who_handles_it(bus_url: str, redis: Redis) -> None:
    """By its stream, and by its trace when all of it came of one request; afterwards nothing is being handled."""
    seen: list[Handling] = []

    async def handler(_: list[Entry]) -> None:
        seen.append(context.current())

    async def handled(number: int) -> bool:
        return len(seen) == number

    await redis.xadd(STREAM, {"traceparent": "00-one"}, id="1-0")
    await redis.xadd(STREAM, {"traceparent": "00-one"}, id="2-0")
    async with reading(bus_url, handler):
        await eventually(lambda: handled(1))
    await redis.xadd(STREAM, {"traceparent": "00-one"}, id="3-0")
    await redis.xadd(STREAM, {"traceparent": "00-two"}, id="4-0")
    async with reading(bus_url, handler):
        await eventually(lambda: handled(2))
    assert seen == [Handling(method=STREAM, traceparent="00-one"), Handling(method=STREAM)]
    assert context.current() == Handling()

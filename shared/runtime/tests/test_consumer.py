"""Reading a stream through a consumer group."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from shared.contracts.errors import Unavailable
from shared.runtime import context
from shared.runtime.bus import consumer as consumer_module
from shared.runtime.bus.connection import Entry
from shared.runtime.context import Handling
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.bus_state import emptied, given_unseen, pending
from shared.runtime.tests.eventually import eventually

pytestmark = pytest.mark.integration

STREAM = "aurelius.events.strategy"
GROUP = "invalidator"


class Reader:
    """A handler that fails as often as it is told, and remembers the batches it was given and those it did."""

    def __init__(self, *failures: Exception) -> None:
        self.given: list[list[str]] = []
        self.done: list[str] = []
        self._failures = list(failures)

    async def __call__(self, entries: list[Entry]) -> None:
        """Take a batch, or fail."""
        numbers = [entry.fields[b"number"].decode() for entry in entries]
        self.given.append(numbers)
        if self._failures:
            raise self._failures.pop(0)
        self.done += numbers

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
    handler: Callable[[list[Entry]], Awaitable[None]],
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


@pytest.mark.parametrize("failure", [Unavailable("the cache is away"), ZeroDivisionError("a mistake of ours")])
async def test_a_batch_is_given_again_until_it_is_handled(
    bus_url: str, redis: Redis, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the handler raises: nothing is skipped, nothing is acknowledged before, and each failure is logged."""
    await write(redis, 1, 2, 3)
    reader = Reader(failure, failure, failure)
    with caplog.at_level(logging.WARNING):
        async with reading(bus_url, reader):
            await eventually(lambda: reader.did(3))
            await eventually(lambda: acknowledged(redis))
    assert reader.given == [["1", "2", "3"]] * 4
    assert reader.done == ["1", "2", "3"]
    assert sum(str(failure) in record.getMessage() for record in caplog.records) == 3
    assert any(record.exc_info for record in caplog.records) is isinstance(failure, ZeroDivisionError)


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
    assert time.monotonic() - stopping < 4
    assert await pending(redis, STREAM, GROUP) == 1


async def test_what_a_stopped_reader_has_not_seen_is_handled(bus_url: str, redis: Redis) -> None:
    """A stop may cut a read off that the bus was answering: what it brings is this process's, and nobody else's."""
    reader = Reader()
    async with reading(bus_url, reader) as service:
        await write(redis, 1)
        await eventually(lambda: reader.did(1))
        await given_unseen(redis, STREAM, GROUP, service.instance, {"number": "2"})
    assert reader.done == ["1", "2"]
    assert await nothing_pending(redis)


async def tried(reader: Reader) -> bool:
    """Say whether the handler failed a few times already."""
    return len(reader.given) > 3


async def test_what_a_dead_consumer_was_given_is_taken_over(
    bus_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries that a consumer got and never acknowledged are handled by one that lives, and then acknowledged."""
    monkeypatch.setattr(consumer_module, "ABANDONED_SECONDS", 0.2)
    monkeypatch.setattr(consumer_module, "LOOK_SECONDS", 0.02)
    await redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
    await write(redis, 1, 2)
    await redis.xreadgroup(GROUP, "dead", {STREAM: ">"})
    await write(redis, 3)
    reader = Reader()
    async with reading(bus_url, reader, reclaim=True):
        await eventually(lambda: reader.did(2))
        await eventually(lambda: reader.did(3))
        await eventually(lambda: nothing_pending(redis))
    assert sorted(reader.done) == ["1", "2", "3"]


async def test_a_batch_that_is_tried_again_is_not_taken_from_itself(
    bus_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long a handler fails, no second copy of its batch is started beside it."""
    monkeypatch.setattr(consumer_module, "ABANDONED_SECONDS", 0.2)
    monkeypatch.setattr(consumer_module, "LOOK_SECONDS", 0.01)
    reader = Reader(*(Unavailable("not yet") for _ in range(50)))
    async with reading(bus_url, reader, reclaim=True):
        await write(redis, 1)
        await eventually(lambda: reader.did(1))
    assert reader.done == ["1"]
    assert len(reader.given) == 51


async def nothing_pending(redis: Redis) -> bool:
    """Say whether the group has acknowledged all it was given."""
    return await pending(redis, STREAM, GROUP) == 0


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

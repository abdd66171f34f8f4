"""Consumer groups, and the watch over their readers."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

import pytest
from faststream.redis import StreamSub
from faststream.redis.subscriber.usecases.stream_subscriber import StreamBatchSubscriber
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from shared.runtime.bus import groups
from shared.runtime.bus.connection import Entry, make_broker, make_client, subscribe
from shared.runtime.bus.groups import SubscriberWatch, ensure_group, forget_consumer
from shared.runtime.tests.echo import RPC, Say, answers, asking, echo, talking
from shared.runtime.tests.eventually import ended, eventually, never

pytestmark = pytest.mark.integration


async def test_a_group_is_made_at_the_beginning_once(redis: Redis) -> None:
    """With its stream; making it again moves nobody's place."""
    for _ in range(2):
        await ensure_group(redis, "stream", "readers")
        assert await redis.xreadgroup("readers", "me", {"stream": ">"}) == []
    await redis.xadd("stream", {"n": 1})
    await ensure_group(redis, "stream", "others")
    assert len(await redis.xreadgroup("others", "me", {"stream": ">"})) == 1


async def test_another_refusal_is_not_hidden(redis: Redis) -> None:
    """A key of another kind in the stream's place needs a person."""
    await redis.set("stream", "a string")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await ensure_group(redis, "stream", "readers")


async def take(_: list[Entry]) -> None:
    """Take nothing: nothing comes."""


async def test_a_reader_that_starts_without_its_bus_asks_for_it_without_haste() -> None:
    """FastStream starts its task again at once, and keeps each that failed."""
    broker = make_broker("redis://127.0.0.1:1/0")
    reader = subscribe(broker, "stream", take, last_id="0")
    await broker.connect()
    with pytest.raises(TimeoutError):
        await reader.start()
    assert len(reader.tasks) < 10
    await reader.stop()


async def test_a_stop_meets_a_reader_that_has_not_come_to_its_first_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends as it was told to, though redis-py may lose the word and fail of the closed connection: as an error, of
    which nobody asks, it would be a traceback in the log.
    """
    asked = asyncio.Event()

    async def lose(*_: object) -> None:
        asked.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        raise RedisConnectionError("The connection was closed")

    broker = make_broker("redis://127.0.0.1:1/0")
    reader = subscribe(broker, "stream", take, last_id="0")
    await broker.connect()
    monkeypatch.setattr(Redis, "execute_command", lose)
    starting = asyncio.create_task(reader.start())
    await asked.wait()
    (reading,) = reader.tasks
    await ended(starting)
    await broker.stop()
    await asyncio.wait({reading})
    assert reading.cancelled()


async def test_requests_survive_the_loss_of_their_stream(bus_url: str, redis: Redis) -> None:
    """Deleted under the running service: stream, group and reader are back by themselves, and the very next request,
    sent before they are, is answered.
    """
    async with talking(bus_url, echo) as caller:
        await caller.call(Say(text="before"))
        await redis.delete(RPC)
        assert (await caller.call(Say(text="meanwhile")))[0] == "meanwhile"
        assert (await caller.call(Say(text="afterwards")))[0] == "afterwards"


async def test_requests_survive_the_loss_of_their_group(bus_url: str, redis: Redis) -> None:
    """As when an operator destroys the wrong one."""
    async with talking(bus_url, echo) as caller:
        await caller.call(Say(text="before"))
        await redis.xgroup_destroy(RPC, "echo")
        assert (await caller.call(Say(text="meanwhile")))[0] == "meanwhile"


async def test_everything_survives_an_emptied_bus(bus_url: str, redis: Redis) -> None:
    """Streams, groups and reply streams are back within a few seconds, without a restart."""
    async with talking(bus_url, echo) as caller:
        await caller.call(Say(text="before"))
        await redis.flushall()
        await eventually(lambda: answers(caller), within=5)


async def test_a_caller_reads_on_after_its_reader_stopped(bus_url: str) -> None:
    """The reader of replies is watched as the readers of groups are, and goes on where it was."""
    async with talking(bus_url, echo) as caller:
        await caller.call(Say(text="before"))
        place = caller.subscriber.last_id
        await caller.subscriber.stop()

        async def reads() -> bool:
            return caller.subscriber.running

        await eventually(reads)
        assert caller.subscriber.last_id == place
        assert (await caller.call(Say(text="afterwards")))[0] == "afterwards"


class Stopped:
    """A subscriber that does not run, and counts how often it is started."""

    stream_sub = StreamSub(RPC, group="echo", consumer="stopped")

    def __init__(self) -> None:
        self.running = False
        self.started = 0

    async def start(self) -> None:
        """Count."""
        self.started += 1


async def test_only_what_was_started_once_is_started_again(bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, the broker has still to start it, and two readers would mix up the order; and a reader that the stop has
    stopped would take requests that nobody finishes.
    """
    monkeypatch.setattr(groups, "WATCH_SECONDS", 0.01)
    client = make_client(bus_url)
    watch = SubscriberWatch(client, {})
    stopped = Stopped()
    watch.add(cast("StreamBatchSubscriber", stopped))
    async with watching(watch):
        await never(lambda: started(stopped), during=0.1)
        watch.begin()
        await eventually(lambda: started(stopped))
        watch.stop()
        before = stopped.started
        await never(lambda: started(stopped, before), during=0.1)
    await client.aclose()


async def test_a_stop_meets_a_reader_that_is_halfway_to_its_start(
    bus_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not started: what it took then nobody would finish."""
    monkeypatch.setattr(groups, "WATCH_SECONDS", 0.01)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*_: object) -> None:
        asked.set()
        await go_on.wait()

    monkeypatch.setattr(groups, "ensure_group", slow)
    async with make_client(bus_url) as client:
        watch = SubscriberWatch(client, {})
        stopped = Stopped()
        watch.add(cast("StreamBatchSubscriber", stopped))
        async with watching(watch):
            watch.begin()
            await asked.wait()
            watch.stop()
            go_on.set()
            await never(lambda: started(stopped), during=0.1)


async def started(stopped: Stopped, before: int = 0) -> bool:
    """Say whether it was started since it was started so often."""
    return stopped.started > before


@contextlib.asynccontextmanager
async def watching(watch: SubscriberWatch) -> AsyncIterator[None]:
    """Run a watch for a while."""
    running = asyncio.create_task(watch.run())
    try:
        yield
    finally:
        await ended(running)


async def test_a_reader_that_cannot_start_is_tried_again(bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch outlives the failure."""
    monkeypatch.setattr(groups, "WATCH_SECONDS", 0.01)
    client = make_client("redis://127.0.0.1:1/0")
    async with asking(bus_url) as caller:
        watch = SubscriberWatch(client, {})
        watch.add(caller.subscriber)
        await caller.subscriber.stop()
        watch.begin()

        async def reads() -> bool:
            return caller.subscriber.running

        async with watching(watch):
            await eventually(reads)
    await client.aclose()


async def members(redis: Redis, stream: str) -> set[bytes]:
    """Return the consumers of the group."""
    return {found["name"] for found in await redis.xinfo_consumers(stream, "readers")}


async def test_a_consumer_is_forgotten_unless_it_owes(redis: Redis) -> None:
    """One that stops, and those long gone: each process is a new one. What it was given is for others to take over."""
    await redis.xgroup_create("stream", "readers", mkstream=True)
    await redis.xadd("stream", {"n": 1})
    for consumer in ("owing", "stopping", "working"):
        await redis.xreadgroup("readers", consumer, {"stream": ">"})
    await forget_consumer(redis, "stream", "readers", "stopping")
    assert await members(redis, "stream") == {b"owing", b"working"}
    await forget_consumer(redis, "stream", "readers", "owing")
    assert await members(redis, "stream") == {b"owing", b"working"}


async def test_consumers_long_gone_are_forgotten(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of processes that were killed."""
    await redis.xgroup_create("stream", "readers", mkstream=True)
    await redis.xgroup_createconsumer("stream", "readers", "killed")
    await forget_consumer(redis, "stream", "readers", "me")
    assert await members(redis, "stream") == {b"killed"}
    monkeypatch.setattr(groups, "GONE_SECONDS", 0)

    async def gone() -> bool:
        await forget_consumer(redis, "stream", "readers", "me")
        return await members(redis, "stream") == set()

    await eventually(gone)

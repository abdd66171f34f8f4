"""The coalescing writer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.contracts.errors import Unavailable
from shared.runtime.bus import writer as writer_module
from shared.runtime.bus.connection import CLIENT_CONNECTIONS, SOCKET_TIMEOUT, make_client
from shared.runtime.bus.writer import Answer, StreamWriter
from shared.runtime.tests.bus_state import entries
from shared.runtime.tests.eventually import ended, eventually
from shared.runtime.tests.fake_bus import FakeBus, fake_bus


@asynccontextmanager
async def running(url: str, silence: float = SOCKET_TIMEOUT) -> AsyncIterator[StreamWriter]:
    """Run a writer that sends, and takes a bus that is silent for so long for lost."""
    async with make_client(url) as client:
        client.connection_pool.connection_kwargs["socket_timeout"] = silence
        writer = StreamWriter(client)
        sending = asyncio.create_task(writer.run())
        yield writer
        assert not sending.done()
        await ended(sending)


@pytest.fixture
async def bus() -> AsyncIterator[FakeBus]:
    """One that takes everything."""
    async with fake_bus() as made:
        yield made


@pytest.fixture
async def writer(bus: FakeBus) -> AsyncIterator[StreamWriter]:
    """A writer to the fake."""
    async with running(bus.url) as made:
        yield made


@pytest.fixture
async def real_writer(bus_url: str) -> AsyncIterator[StreamWriter]:
    """A writer to a real bus."""
    async with running(bus_url) as made:
        yield made


async def test_the_order_is_kept(bus: FakeBus, writer: StreamWriter) -> None:
    """Of what waited for the connection and of what came after; each caller is told its own answer."""
    for start in (0, 100, 200):
        futures = [writer.submit("SET", number) for number in range(start, start + 100)]
        assert await asyncio.gather(*futures) == list(range(start, start + 100))
    assert bus.commands == [[b"SET", b"%d" % number] for number in range(300)]


async def test_what_comes_while_it_connects_goes_over_the_same_connection(bus: FakeBus, writer: StreamWriter) -> None:
    """A second one would overtake the first."""
    futures: list[asyncio.Future[Answer]] = []
    while not bus.clients:
        futures.append(writer.submit("SET", len(futures)))
        await asyncio.sleep(0)
    assert await asyncio.gather(*futures) == list(range(len(futures)))
    assert await writer.submit("SET", "later") == len(futures)
    assert bus.clients == 1


async def test_nothing_waits_for_the_answers_to_others(bus: FakeBus, writer: StreamWriter) -> None:
    """What is submitted while the bus is still busy with something is on its way all the same."""
    assert await writer.submit("SET", "connected") == 0
    bus.answering.clear()
    first = writer.submit("SET", "first")
    await asyncio.sleep(0)
    second = writer.submit("SET", "second")
    bus.answering.set()
    assert (await first, await second) == (1, 2)


async def test_a_full_queue_refuses_at_once(
    bus: FakeBus, writer: StreamWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded while the bus hangs; a message nobody waits for is dropped with a line in the log."""
    monkeypatch.setattr(writer_module, "MAX_WAITING", 5)
    bus.answering.clear()
    waiting = [writer.submit("SET", number) for number in range(5)]
    for _ in range(2):  # before there is a connection, and with one
        with pytest.raises(Unavailable, match="no more messages"):
            writer.submit("SET", 5)
        writer.post("SET", 6)
        await writer.drain(0.05)
    bus.answering.set()
    assert await asyncio.gather(*waiting) == [0, 1, 2, 3, 4]
    assert await writer.submit("SET", 7) == 5
    assert [command[1] for command in bus.commands] == [b"0", b"1", b"2", b"3", b"4", b"7"]


async def test_a_lost_connection_ends_what_was_sent_and_nothing_else(bus: FakeBus, writer: StreamWriter) -> None:
    """Those who wait are told, nothing is sent a second time, and what comes next goes over a new connection."""
    bus.hang_ups = 2
    for _ in range(2):
        writer.post("SET", "lost")
        with pytest.raises(Unavailable) as told:
            await writer.submit("SET", "lost too")
        assert isinstance(told.value.__cause__, RedisConnectionError)
    assert await writer.submit("SET", "taken") == 0
    assert bus.commands == [[b"SET", b"taken"]]


async def test_a_bus_that_cannot_be_reached_is_told_to_who_waits() -> None:
    """And the next one is tried for again: it may be back."""
    async with fake_bus() as gone:
        pass
    async with running(gone.url) as writer:
        for _ in range(2):
            with pytest.raises(Unavailable):
                await writer.submit("SET", 1)


async def test_a_bus_that_is_back_is_found_though_nobody_writes() -> None:
    """Who is refused while it is silent writes nothing, and so would never find out."""
    async with fake_bus() as gone:
        pass
    async with running(gone.url) as writer:

        async def heard() -> bool:
            return not writer.silent

        assert not writer.silent
        with pytest.raises(Unavailable):
            await writer.submit("SET", 1)
        assert writer.silent
        async with fake_bus(int(gone.url.rpartition(":")[2])):
            await eventually(heard)
            assert await writer.submit("SET", 2) == 0


async def test_a_bus_that_fell_silent_is_found_again_though_nobody_writes(bus: FakeBus) -> None:
    """Its connection is given up after a while, and a new one is made at once: there are those who wait to write."""
    async with running(bus.url, silence=0.8) as writer:

        async def heard() -> bool:
            return not writer.silent

        bus.answering.clear()
        with pytest.raises(Unavailable):
            await writer.submit("SET", 1)
        bus.answering.set()
        await eventually(heard)
        assert await writer.submit("SET", 2) is not None


async def test_draining_waits_for_what_is_not_answered(bus: FakeBus, writer: StreamWriter) -> None:
    """And for no longer than it is told."""
    await writer.drain(0)
    bus.answering.clear()
    writer.post("SET", 1)
    await writer.drain(0.05)
    assert bus.commands == []
    asyncio.get_running_loop().call_later(0.05, bus.answering.set)
    await writer.drain(5)
    assert bus.commands == [[b"SET", b"1"]]


async def test_a_drain_ends_when_the_bus_is_lost(bus: FakeBus, writer: StreamWriter) -> None:
    """There is nothing to wait for then."""
    bus.hang_ups = 1
    writer.post("SET", 1)
    await writer.drain(60)
    assert bus.commands == []


async def test_a_cancelled_caller_does_not_disturb_the_others(writer: StreamWriter) -> None:
    """Its command may go out; its answer goes nowhere."""
    one, other = writer.submit("SET", 1), writer.submit("SET", 2)
    one.cancel()
    assert await other == 1
    assert await writer.submit("SET", 3) == 2


@pytest.mark.integration
async def test_a_refused_command_fails_alone(real_writer: StreamWriter, redis: Redis) -> None:
    """Its neighbours in the pipeline are carried out."""
    before = real_writer.submit("XADD", "stream", "1-0", "n", 1)
    refused = real_writer.submit("XADD", "stream", "1-0", "n", 2)
    after = real_writer.submit("XADD", "stream", "2-0", "n", 3)
    assert (await before, await after) == (b"1-0", b"2-0")
    with pytest.raises(Unavailable) as told:
        await refused
    assert "equal or smaller" in str(told.value.__cause__)
    assert [entry.fields for entry in await entries(redis, "stream")] == [{b"n": b"1"}, {b"n": b"3"}]


@pytest.mark.integration
async def test_the_writer_has_a_connection_of_its_own(bus_url: str, redis: Redis) -> None:
    """Though all others of its process are in use, it writes."""
    client = make_client(bus_url)

    async def block() -> None:
        await client.blpop(["never"], timeout=60)

    blocked = [asyncio.create_task(block()) for _ in range(CLIENT_CONNECTIONS)]

    async def all_blocked() -> bool:
        return int((await redis.info("clients"))["blocked_clients"]) == CLIENT_CONNECTIONS

    await eventually(all_blocked)
    writer = StreamWriter(client)
    writing = asyncio.create_task(writer.run())
    assert await writer.submit("XADD", "stream", "*", "a", "b")
    for task in (*blocked, writing):
        await ended(task)
    await client.aclose()

"""The coalescing writer."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import cast

import pytest
from redis.asyncio import Redis

from shared.contracts.errors import Unavailable
from shared.runtime.bus import writer as writer_module
from shared.runtime.bus.connection import CLIENT_CONNECTIONS, make_client
from shared.runtime.bus.writer import Command, StreamWriter
from shared.runtime.tests.bus_state import entries
from shared.runtime.tests.eventually import ended, eventually


class FakeServer:
    """Keeps the pipelines it was sent, and fails those it is told to."""

    def __init__(self, *failures: Exception) -> None:
        self.pipelines: list[list[Command]] = []
        self._failures = list(failures)
        self.open = asyncio.Event()
        self.open.set()

    def pipeline(self, *, transaction: bool) -> "FakePipeline":
        """Begin one."""
        assert not transaction
        return FakePipeline(self)

    async def take(self, commands: list[Command]) -> list[object]:
        """Answer each command with its number."""
        await self.open.wait()
        if self._failures:
            raise self._failures.pop(0)
        self.pipelines.append(commands)
        return list(range(len(commands)))


class FakePipeline:
    """Collects."""

    def __init__(self, server: FakeServer) -> None:
        self._server = server
        self._commands: list[Command] = []

    def execute_command(self, *command: str | bytes | int) -> None:
        """Add one."""
        self._commands.append(command)

    async def execute(self, *, raise_on_error: bool) -> list[object]:
        """Send all."""
        assert not raise_on_error
        return await self._server.take(self._commands)


async def running(server: FakeServer | Redis) -> AsyncIterator[StreamWriter]:
    """Yield a writer that sends."""
    writer = StreamWriter(cast("Redis", server))
    sending = asyncio.create_task(writer.run())
    yield writer
    assert not sending.done()
    sending.cancel()


@pytest.fixture
def server() -> FakeServer:
    """One that takes everything."""
    return FakeServer()


@pytest.fixture
async def writer(server: FakeServer) -> AsyncIterator[StreamWriter]:
    """A writer to the fake."""
    async for made in running(server):
        yield made


@pytest.fixture
async def real_writer(bus_url: str) -> AsyncIterator[StreamWriter]:
    """A writer to a real bus."""
    client = make_client(bus_url)
    async for made in running(client):
        yield made
    await client.aclose()


async def test_what_waits_goes_out_together(server: FakeServer, writer: StreamWriter) -> None:
    """In one pipeline, in the order it came, each caller with its own answer."""
    futures = [writer.submit("SET", number) for number in range(100)]
    assert await asyncio.gather(*futures) == list(range(100))
    assert server.pipelines == [[("SET", number) for number in range(100)]]


async def test_a_pipeline_has_a_bound(
    server: FakeServer, writer: StreamWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that one answer does not wait for thousands; the order is kept across pipelines."""
    monkeypatch.setattr(writer_module, "MAX_PIPELINE", 4)
    await asyncio.gather(*(writer.submit("SET", number) for number in range(10)))
    assert [len(commands) for commands in server.pipelines] == [4, 4, 2]
    assert [command[1] for commands in server.pipelines for command in commands] == list(range(10))


async def test_a_full_queue_refuses_at_once(
    server: FakeServer, writer: StreamWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory is bounded while the bus hangs; a message nobody waits for is dropped with a line in the log."""
    monkeypatch.setattr(writer_module, "MAX_WAITING", 5)
    server.open.clear()
    waiting = [writer.submit("SET", number) for number in range(5)]
    with pytest.raises(Unavailable, match="no more messages"):
        writer.submit("SET", 5)
    writer.post("SET", 6)
    server.open.set()
    assert len(await asyncio.gather(*waiting)) == 5
    assert [command[1] for commands in server.pipelines for command in commands] == list(range(5))


@pytest.mark.parametrize("failure", [ConnectionResetError(), RuntimeError("the transport is closed")])
async def test_a_failure_ends_what_was_sent_and_nothing_else(failure: Exception) -> None:
    """Those who wait are told, whatever it was that failed; the writer goes on, or the process would be mute."""
    server = FakeServer(failure)
    async for writer in running(server):
        writer.post("SET", 0)
        with pytest.raises(Unavailable) as told:
            await asyncio.wait_for(writer.submit("SET", 1), 5)
        assert told.value.__cause__ is failure
        assert await writer.submit("SET", 2) == 0


async def test_draining_waits_for_what_is_queued(server: FakeServer, writer: StreamWriter) -> None:
    """And for no longer than it is told."""
    await writer.drain(0)
    server.open.clear()
    writer.post("SET", 1)
    await writer.drain(0.05)
    assert server.pipelines == []
    asyncio.get_running_loop().call_later(0.05, server.open.set)
    await writer.drain(5)
    assert server.pipelines == [[("SET", 1)]]


async def test_a_cancelled_caller_does_not_disturb_the_others(server: FakeServer, writer: StreamWriter) -> None:
    """Its command may go out; its answer goes nowhere."""
    one, other = writer.submit("SET", 1), writer.submit("SET", 2)
    one.cancel()
    assert await other == 1
    assert await writer.submit("SET", 3) == 0


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
async def test_a_bus_whose_connections_are_all_in_use_is_unavailable_in_time(bus_url: str) -> None:
    """Their number has a bound. Who finds none free waits for a moment, and is told; afterwards it works."""
    client = make_client(bus_url)

    async def block() -> None:
        await client.blpop(["never"], timeout=60)

    blocked = [asyncio.create_task(block()) for _ in range(CLIENT_CONNECTIONS)]
    async with Redis.from_url(bus_url, protocol=2) as outside:

        async def all_blocked() -> bool:
            return int((await outside.info("clients"))["blocked_clients"]) == CLIENT_CONNECTIONS

        await eventually(all_blocked)
    writer = StreamWriter(client)
    writing = asyncio.create_task(writer.run())
    started = time.monotonic()
    with pytest.raises(Unavailable):
        await writer.submit("XADD", "stream", "*", "a", "b")
    assert 1 < time.monotonic() - started < 2
    for task in blocked:
        task.cancel()
    await asyncio.wait(blocked)
    assert await writer.submit("XADD", "stream", "*", "a", "b")
    await ended(writing)
    await client.aclose()

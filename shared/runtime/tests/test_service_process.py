"""A service as a process: signals, exit codes, health over HTTP."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from shared.runtime.serving import free_port
from shared.runtime.tests.echo import RPC, Say, asking
from shared.runtime.tests.echo_process import RELEASED, TAKEN
from shared.runtime.tests.eventually import eventually
from tests.servers import ValkeyServer

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
# Two busy cores can take seconds to start an interpreter.
START = 30.0


@contextlib.asynccontextmanager
async def process(bus_url: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the echo service; whatever the test does, nothing is left of it."""
    started = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "shared.runtime.tests.echo_process",
        cwd=ROOT,
        env={**os.environ, "BUS_URL": bus_url, **environ},
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.communicate()


async def status(port: int, path: str) -> int:
    """Return the HTTP status of a health route, 0 for none."""
    async with httpx.AsyncClient(timeout=5) as client:
        try:
            return (await client.get(f"http://127.0.0.1:{port}{path}")).status_code
        except httpx.TransportError:
            return 0


def answers_with(port: int, path: str, code: int) -> Callable[[], Awaitable[bool]]:
    """Return the check that a route answers with this status."""

    async def check() -> bool:
        return await status(port, path) == code

    return check


async def test_a_process_serves_its_health(own_bus: ValkeyServer) -> None:
    """Live as long as it runs; ready while it has what it needs; any other path is not found."""
    port = free_port("127.0.0.1")
    async with process(own_bus.url, ECHO_PORT=str(port)):
        await eventually(answers_with(port, "/health/ready", 200), within=START)
        assert await status(port, "/health/live") == 200
        assert await status(port, "/elsewhere") == 404
        await own_bus.kill()
        await eventually(answers_with(port, "/health/ready", 503))
        assert await status(port, "/health/live") == 200
        await own_bus.restart()
        await eventually(answers_with(port, "/health/ready", 200))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_finishes_the_request_and_exits_0(bus_url: str, redis: Redis, number: signal.Signals) -> None:
    """The caller gets its answer, as if nothing had been stopped."""
    async with process(bus_url) as echo, asking(bus_url) as caller:
        asked = asyncio.create_task(caller.call(Say(text="held"), seconds=START))
        await eventually(lambda: exists(redis, TAKEN), within=START)
        echo.send_signal(number)
        await redis.xadd(RELEASED, {"now": 1})
        assert (await asked)[0] == "held"
        assert await asyncio.wait_for(echo.wait(), 10) == 0


async def exists(redis: Redis, stream: str) -> bool:
    """Say whether anything was written to a stream."""
    return bool(await redis.exists(stream))


async def test_a_process_reads_on_after_its_stream_was_lost(bus_url: str, redis: Redis) -> None:
    """As a service does that runs inside another application."""
    async with process(bus_url), asking(bus_url) as caller:
        await caller.call(Say(text="before"), seconds=START)
        await redis.delete(RPC)
        assert (await caller.call(Say(text="meanwhile")))[0] == "meanwhile"


async def test_a_signal_during_the_start_ends_it_at_once() -> None:
    """Here the bus is not there, and it would wait for it for half a minute."""
    async with process("redis://127.0.0.1:1/0") as echo:
        assert echo.stderr is not None
        async with asyncio.timeout(START):
            while b"waiting for the message bus" not in await echo.stderr.readline():
                pass
        told = time.monotonic()
        echo.terminate()
        await asyncio.wait_for(echo.wait(), 10)
        assert time.monotonic() - told < 1


@pytest.mark.parametrize("bus", ["there", "away"])
async def test_a_copy_ends_when_its_parent_is_gone(bus_url: str, redis: Redis, bus: str) -> None:
    """Even while it starts: its standard input closes, however the parent died."""
    async with process(bus_url if bus == "there" else "redis://127.0.0.1:1/0", AURELIUS_CHILD="1") as echo:
        assert echo.stdin is not None
        assert echo.stderr is not None
        if bus == "there":
            async with asking(bus_url) as caller:
                await caller.call(Say(text="up?"), seconds=START)
        else:
            async with asyncio.timeout(START):
                while b"waiting for the message bus" not in await echo.stderr.readline():
                    pass
        echo.stdin.close()
        await asyncio.wait_for(echo.wait(), 5)


async def test_a_start_that_fails_exits_1(redis: Redis, bus_url: str) -> None:
    """So that who supervises it knows that it was not told to stop. Here a string is in its stream's place."""
    await redis.set(RPC, "taken")
    async with process(bus_url) as echo:
        assert await asyncio.wait_for(echo.wait(), START) == 1

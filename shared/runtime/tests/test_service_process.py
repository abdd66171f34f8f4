"""A service as a process: signals, exit codes, health over HTTP."""

import asyncio
import signal
import socket
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from shared.runtime.tests.echo import RPC, Say, asking
from shared.runtime.tests.echo_process import RELEASED, TAKEN
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.processes import START, Program, program
from tests.databases import database_of, execute, service_url
from tests.frozen import frozen_server
from tests.seconds import allowed
from tests.servers import ValkeyServer

pytestmark = pytest.mark.integration

NOBODY = "redis://127.0.0.1:1/0"
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def process(bus_url: str, **environ: str) -> AbstractAsyncContextManager[Program]:
    """Run the echo service."""
    return program("shared.runtime.tests.echo_process", "ECHO_PORT", {"BUS_URL": bus_url, **environ})


async def exists(redis: Redis, stream: str) -> bool:
    """Say whether anything was written to a stream."""
    return bool(await redis.exists(stream))


async def test_a_process_serves_its_health(own_bus: ValkeyServer) -> None:
    """Live as long as it runs; ready while it has what it needs; any other path is not found."""
    async with process(own_bus.url) as echo:
        await eventually(echo.is_ready, within=START)
        assert await echo.says("/health/live", 200)
        assert await echo.says("/elsewhere", 404)
        await own_bus.kill()
        await eventually(lambda: echo.says("/health/ready", 503))
        assert await echo.says("/health/live", 200)
        await own_bus.restart()
        await eventually(echo.is_ready)


async def test_a_process_describes_what_it_reads(own_bus: ValkeyServer) -> None:
    """As an AsyncAPI document, beside its health."""
    async with process(own_bus.url) as echo:
        await eventually(lambda: echo.says("/health/live", 200), within=START)
        status, body = await echo.get("/asyncapi.json")
        assert status == 200
        assert isinstance(body["channels"], dict)
        assert "aurelius.rpc.echo, group echo" in " ".join(body["channels"])
        assert str(urlsplit(own_bus.url).password) not in str(body)


async def test_a_process_lives_before_it_is_ready() -> None:
    """A restart would not bring the bus that it waits for; the answer says what it lacks, and not where that is."""
    async with process(NOBODY) as echo:
        await echo.said("waiting for the message bus")
        assert await echo.says("/health/live", 200)
        status, body = await echo.get("/health/ready")
        assert status == 503
        assert "this process is starting" in str(body)
        assert "127.0.0.1" not in str(body)


async def test_a_start_is_told_in_a_line(own_bus: ValkeyServer) -> None:
    """And what it waits for in another, whoever asks meanwhile if it is ready: what is not there yet is no news."""
    await own_bus.kill()
    async with process(own_bus.url) as echo:
        await echo.said("waiting for the message bus")
        assert await echo.says("/health/ready", 503)
        await own_bus.restart()
        await eventually(echo.is_ready, within=START)
        waiting, started = echo.output.splitlines()
        assert "waiting for the message bus" in waiting
        assert started.endswith(": started")


async def test_a_process_tells_by_itself_what_it_lacks(own_bus: ValkeyServer) -> None:
    """Nobody asks, and the log says which right its user was not given; and that it is ready when it has it."""
    async with process(own_bus.url) as echo, Redis.from_url(own_bus.url, protocol=2) as redis:
        await echo.said("started")
        said = await redis.acl_whoami()
        user = said.decode() if isinstance(said, bytes) else said
        await redis.acl_setuser(user, enabled=True, commands=["-xadd"])
        await echo.said("not ready: bus: the bus, asked to take messages, refuses: NOPERM")
        await redis.acl_setuser(user, enabled=True, commands=["+xadd"])
        await echo.said("ready again: bus")


async def test_a_lost_database_is_told_in_lines(bus_url: str, database_url: str, tmp_path: Path) -> None:
    """Not in the tracebacks of its driver."""
    name = urlsplit(database_url).path[1:]
    environ = {
        "BUS_URL": bus_url,
        "DATABASE_URL": service_url(database_url, "strategy"),
        "SECRET_KEY": "0123456789abcdef" * 4,
        "DATA_DIR": str(tmp_path),
    }
    async with program("services.strategy", "STRATEGY_PORT", environ) as strategy:
        await strategy.said("started")
        server_url = database_of(database_url, "postgres")
        await execute(server_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await execute(server_url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        await strategy.said("not ready: database: The database does not answer")
        await execute(server_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await strategy.said("ready again: database")
        assert "Traceback" not in strategy.output


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_finishes_the_request_and_exits_0(bus_url: str, redis: Redis, number: signal.Signals) -> None:
    """The caller gets its answer, as if nothing had been stopped; meanwhile it is not ready; nothing is left behind."""
    async with process(bus_url) as echo, asking(bus_url) as caller:
        asked = asyncio.create_task(caller.call(Say(text="held"), seconds=START))
        await eventually(lambda: exists(redis, TAKEN), within=START)
        echo.process.send_signal(number)
        await echo.said("stopping")
        await redis.xadd(RELEASED, {"now": 1})
        assert (await asked)[0] == "held"
        assert await echo.ended(10) == 0
        assert "Traceback" not in echo.output
        (group,) = await redis.xinfo_groups(RPC)
        assert (group["consumers"], group["pending"]) == (0, 0)


async def test_a_request_that_hangs_costs_the_stop_its_time_to_drain(bus_url: str, redis: Redis) -> None:
    """And no more; its entry stays pending, since it was not answered, and its consumer with it."""
    async with process(bus_url, DRAIN_SECONDS="0.5") as echo, asking(bus_url) as caller:
        asked = asyncio.create_task(caller.call(Say(text="hang"), seconds=START))
        await eventually(lambda: exists(redis, TAKEN), within=START)
        told = time.monotonic()
        echo.process.terminate()
        assert await echo.ended(10) == 0
        assert 0.5 <= time.monotonic() - told < allowed(2.5)
        assert "1 requests were not answered before the stop" in echo.output
        (group,) = await redis.xinfo_groups(RPC)
        assert (group["consumers"], group["pending"]) == (1, 1)
        asked.cancel()


async def test_a_thread_that_does_not_end_holds_up_nothing(bus_url: str, redis: Redis) -> None:
    """A file that is read in, a kernel that computes: nobody can interrupt them, and the process ends without."""
    async with process(bus_url, DRAIN_SECONDS="0.3") as echo, asking(bus_url) as caller:
        asked = asyncio.create_task(caller.call(Say(text="block a thread"), seconds=START))
        await eventually(lambda: exists(redis, TAKEN), within=START)
        echo.process.terminate()
        assert await echo.ended(10) == 0
        asked.cancel()


async def test_a_stop_that_meets_with_a_mistake_ends_too(bus_url: str) -> None:
    """Here its event loop is blocked for an hour: the stop is cut off, says so, and is no clean one."""
    async with process(bus_url, DRAIN_SECONDS="0.3") as echo, asking(bus_url) as caller:
        await caller.call(Say(text="block the stop"), seconds=START)
        echo.process.terminate()
        assert await echo.ended(10) == 1
        assert "the stop has not come to its end" in echo.output


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_second_signal_ends_it_at_once(bus_url: str, redis: Redis, number: signal.Signals) -> None:
    """For a person who does not want to wait."""
    async with process(bus_url, DRAIN_SECONDS="60") as echo, asking(bus_url) as caller:
        asked = asyncio.create_task(caller.call(Say(text="hang"), seconds=START))
        await eventually(lambda: exists(redis, TAKEN), within=START)
        echo.process.send_signal(number)
        await echo.said("stopping")
        echo.process.send_signal(number)
        assert await echo.ended(2) == -number
        assert "Traceback" not in echo.output
        asked.cancel()


@pytest.mark.parametrize("number", SIGNALS)
async def test_a_signal_during_the_start_ends_it(number: signal.Signals) -> None:
    """Here the bus is not there, and it would wait for it for half a minute."""
    async with process(NOBODY) as echo:
        await echo.said("waiting for the message bus")
        echo.process.send_signal(number)
        assert await echo.ended(2) == 0
        assert "Traceback" not in echo.output


async def test_a_stop_without_the_bus_ends(own_bus: ValkeyServer) -> None:
    """It was killed first, as when everything is stopped in no order."""
    async with process(own_bus.url, DRAIN_SECONDS="0.5") as echo:
        await eventually(echo.is_ready, within=START)
        await own_bus.kill()
        echo.process.terminate()
        assert await echo.ended(5) == 0
        assert "Traceback" not in echo.output


async def test_a_stop_with_a_bus_that_hangs_ends(own_bus: ValkeyServer) -> None:
    """It takes every message and answers none."""
    async with process(own_bus.url, DRAIN_SECONDS="0.5") as echo:
        await eventually(echo.is_ready, within=START)
        async with frozen_server(own_bus.url):
            echo.process.terminate()
            await echo.ended(5)
        assert "Traceback" not in echo.output


async def test_a_process_that_cannot_go_on_exits_1(bus_url: str) -> None:
    """With the reason, and after it has finished what it could: who supervises it starts a whole one."""
    async with process(bus_url) as echo, asking(bus_url) as caller:
        assert (await caller.call(Say(text="wear out"), seconds=START))[0] == "wear out"
        assert await echo.ended(10) == 1
        assert "LookupError: worn out" in echo.output


async def test_a_process_reads_on_after_its_stream_was_lost(bus_url: str, redis: Redis) -> None:
    """Without a restart."""
    async with process(bus_url), asking(bus_url) as caller:
        await caller.call(Say(text="before"), seconds=START)
        await redis.delete(RPC)
        assert (await caller.call(Say(text="meanwhile")))[0] == "meanwhile"


@pytest.mark.parametrize("bus", ["there", "away"])
async def test_a_copy_ends_when_its_parent_is_gone(bus_url: str, bus: str) -> None:
    """Even while it starts: its standard input closes, however the parent died."""
    async with process(bus_url if bus == "there" else NOBODY, AURELIUS_CHILD="1") as echo:
        await echo.said("started" if bus == "there" else "waiting for the message bus")
        assert echo.process.stdin is not None
        echo.process.stdin.close()
        assert await echo.ended(5) == 0


async def test_copies_share_a_port_and_end_with_their_parent(bus_url: str, redis: Redis) -> None:
    """Each is a reader of its own; one signal ends them all."""
    async with process(bus_url, ECHO_COPIES="2") as echo:

        async def two_read() -> bool:
            groups = await redis.xinfo_groups(RPC) if await redis.exists(RPC) else []
            return [group["consumers"] for group in groups] == [2]

        await eventually(two_read, within=START)
        await eventually(echo.is_ready)
        echo.process.terminate()
        assert await echo.ended(10) == 0
        assert (await redis.xinfo_groups(RPC))[0]["consumers"] == 0


@pytest.mark.parametrize("copies", ["1", "2"])
async def test_a_start_that_fails_exits_1(redis: Redis, bus_url: str, copies: str) -> None:
    """So that who supervises it knows that it was not told to stop. Here a string is in its stream's place."""
    await redis.set(RPC, "taken")
    async with process(bus_url, ECHO_COPIES=copies) as echo:
        assert await echo.ended(START) == 1
        assert "WRONGTYPE" in echo.output


async def test_wrong_settings_exit_1_with_a_sentence_each() -> None:
    """Its own and those of all services, without a traceback and without the values."""
    environ = {"ECHO_COPIES": "some", "LOG_LEVEL": "loud", "AURELIUS_ENV": "production", "ECHO_PORT": "http"}
    async with process("redis://:hunter2@bus:port/0", **environ) as echo:
        assert await echo.ended(START) == 1
        assert "Traceback" not in echo.output
        assert "hunter2" not in echo.output
        lines = echo.output.splitlines()
        assert all(line.startswith('{"time":') and '"level":"critical"' in line for line in lines)
        assert sorted(line.partition('"message":"')[2].partition(" must")[0] for line in lines) == [
            "BUS_URL", "ECHO_COPIES", "ECHO_PORT", "LOG_LEVEL",
        ]  # fmt: skip


async def test_a_port_that_is_taken_exits_1_with_a_sentence(bus_url: str) -> None:
    """Two programs that share one by mistake would answer in turns."""
    with socket.create_server(("127.0.0.1", 0)) as taken_already:
        port = str(taken_already.getsockname()[1])
        async with process(bus_url, ECHO_PORT=port) as echo:
            assert await echo.ended(START) == 1
            assert f"ECHO_PORT={port} and HOST=127.0.0.1 cannot be listened on: Address already in use" in echo.output
            assert "Traceback" not in echo.output


async def test_a_folder_that_cannot_be_written_exits_1_with_a_sentence(bus_url: str) -> None:
    """What is needed later is looked at now."""
    async with program(
        "services.metrics", "METRICS_PORT", {"BUS_URL": bus_url, "OBJECT_STORE_URL": "file:///proc/nothing"}
    ) as metrics:
        assert await metrics.ended(START) == 1
        assert "OBJECT_STORE_URL must lead to a folder that can be written; /proc/nothing" in metrics.output
        assert "Traceback" not in metrics.output

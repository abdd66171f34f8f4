"""SIGTERM to each service: what it has taken is finished, nothing is left behind, and its exit status is 0."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
import httpx
import psutil
import pytest
from redis.asyncio import Redis
from redis.typing import EncodableT, FieldT

from deploy.local.tests.stand_in import left_of
from services.gateway.tests.fakes import token_of
from services.invalidator.tests.entries import event_fields
from shared.contracts.errors import NotFound
from shared.contracts.ids import new_id
from shared.contracts.messages import CheckHealth, ReadDataset, ReadStrategy, Request
from shared.contracts.streams import JOBS_BACKTEST, event_stream, reply_stream, rpc_stream
from shared.contracts.values import Principal
from shared.runtime.bus.caller import Caller, Reply
from shared.runtime.bus.server import Answer, Call
from shared.runtime.service import Service
from shared.runtime.settings import Settings
from shared.runtime.tests.bus_state import given_unseen
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.processes import START, Program
from tests.frozen import frozen_server
from tests.processes.services import FIRST_START, INNER, SECRET_KEY, Servers

pytestmark = pytest.mark.integration

STOP = 10.0
ANSWER = 60.0


@pytest.fixture
async def redis(bus_url: str) -> AsyncIterator[Redis]:
    """The bus, seen from outside."""
    async with Redis.from_url(bus_url, protocol=2) as client:
        yield client


@pytest.fixture
async def caller(bus_url: str) -> AsyncIterator[Caller]:
    """Who asks the services."""
    service = Service("gateway", Settings(bus_url=bus_url))
    caller = service.caller()
    async with service.running():
        yield caller


async def ended_well(process: Program, redis: Redis, name: str) -> None:
    """Insist on a clean end: in time, with 0, without a traceback, and with nothing of the process left on the bus."""
    assert await process.ended(STOP) == 0
    assert "Traceback" not in process.output
    assert not [key async for key in redis.scan_iter(f"{reply_stream(name)}-*")]
    async for stream in redis.scan_iter(_type="STREAM"):
        for group in await redis.xinfo_groups(stream):
            assert group["consumers"] == 0, f"{stream}: {await redis.xinfo_consumers(stream, group['name'])}"


@pytest.mark.parametrize("name", INNER)
async def test_every_request_is_answered_or_left_on_the_bus(
    servers: Servers, redis: Redis, caller: Caller, name: str
) -> None:
    """In a burst of six hundred none is taken and forgotten: what is not answered is there for the next process."""
    async with servers.run(name) as process:
        await eventually(process.is_ready, within=FIRST_START)
        asked = [asyncio.create_task(caller.ask(CheckHealth(), service=name, seconds=ANSWER)) for _ in range(600)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        process.process.terminate()
        await ended_well(process, redis, name)
        stream = rpc_stream(name)
        assert (await redis.xpending(stream, name))["pending"] == 0
        left = await redis.xlen(stream)
        if left:

            async def only_those_wait() -> bool:
                return sum(not task.done() for task in asked) == left

            await eventually(only_those_wait)
            for task in asked:
                task.cancel()
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(answer, Reply) for answer in answers) == len(asked) - left


@pytest.mark.parametrize(
    ("name", "table", "question"),
    [("strategy", "strategies", ReadStrategy), ("backtest", "datasets", ReadDataset)],
)
async def test_a_request_that_waits_for_the_database_is_answered(
    servers: Servers, redis: Redis, caller: Caller, name: str, table: str, question: Callable[..., Request[object]]
) -> None:
    """It waits for a lock when the signal comes; while it does, the process says that it is stopping."""
    locker = await asyncpg.connect(servers.database_url)
    async with servers.run(name) as process:
        await eventually(process.is_ready, within=FIRST_START)
        async with locked(locker, f"{name}.{table}"):
            asked = asyncio.create_task(caller.call(question(id=new_id()), Principal(user_id=new_id()), seconds=ANSWER))
            await eventually(lambda: waiting(locker))
            process.process.send_signal(signal.SIGTERM)
            await process.said("stopping")
        with pytest.raises(NotFound):
            await asked
        await ended_well(process, redis, name)
    await locker.close()


@asynccontextmanager
async def locked(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> AsyncIterator[None]:
    """Hold a lock that every reader of the table waits for."""
    async with connection.transaction():
        await connection.execute(f"LOCK TABLE {table}")
        yield


async def waiting(connection: "asyncpg.Connection[asyncpg.Record]") -> bool:
    """Say whether anybody waits for a lock."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return bool(await connection.fetchval(query))


async def test_an_event_that_cannot_be_applied_is_left_for_the_next(servers: Servers, redis: Redis) -> None:
    """The cache server hangs: the invalidator stops at once, and the event stays pending for whoever comes."""
    stream = event_stream("strategy")
    async with servers.run("invalidator", DRAIN_SECONDS="60") as process:
        await eventually(process.is_ready, within=FIRST_START)
        async with frozen_server(servers.cache_url):
            event = event_fields({"strategy:1": 2})
            await redis.xadd(stream, dict[FieldT, EncodableT](event.items()), id="1-0")
            await process.said("tried again")
            process.process.terminate()
            assert await process.ended(STOP) == 0
        assert "Traceback" not in process.output
        (group,) = await redis.xinfo_groups(stream)
        assert (group["pending"], group["consumers"]) == (1, 1)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_an_http_request_is_answered(servers: Servers, redis: Redis, workers: str) -> None:
    """By the gateway, or by the copy of it that took it; a new one is refused at once, so that a balancer goes on."""
    release, asked = asyncio.Event(), asyncio.Event()

    async def read(_: ReadStrategy, __: Call) -> Answer:
        asked.set()
        await release.wait()
        raise NotFound("There is no such strategy")

    backend = Service("strategy", Settings(bus_url=servers.bus_url))
    backend.requests().handle(ReadStrategy, read)
    async with backend.running(), servers.run("gateway", GATEWAY_WORKERS=workers) as gateway:
        await eventually(gateway.is_ready, within=START)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.port}", timeout=ANSWER) as client:
            path, headers = f"/api/v1/strategies/{new_id()}", token_of(new_id(), secret=SECRET_KEY)
            answer = asyncio.create_task(client.get(path, headers=headers))
            await asked.wait()
            gateway.process.terminate()
            await eventually(lambda: gateway.says("/health/live", 0))
            assert not answer.done()
            release.set()
            assert (await answer).status_code == 404
        assert await gateway.ended(STOP) == 0
        assert "Traceback" not in gateway.output
        assert not [key async for key in redis.scan_iter("aurelius.replies.gateway-*")]


async def workers_read(redis: Redis, number: int) -> bool:
    """Say whether so many wait for work."""
    groups = await redis.xinfo_groups(JOBS_BACKTEST) if await redis.exists(JOBS_BACKTEST) else []
    return [group["consumers"] for group in groups] == [number]


async def test_a_worker_leaves_its_group(servers: Servers, redis: Redis) -> None:
    """One that waits for work; what becomes of a run under way is told where the runs are."""
    async with servers.run("worker") as worker:
        await eventually(lambda: workers_read(redis, 1), within=FIRST_START)
        worker.process.terminate()
        await ended_well(worker, redis, "backtest")


async def test_what_a_worker_was_told_and_has_not_heard_is_put_away(servers: Servers, redis: Redis) -> None:
    """A stop may cut its read off; the row says what there is to do, and nothing is left that would wait for nobody."""
    async with servers.run("worker") as worker:
        await eventually(lambda: workers_read(redis, 1), within=FIRST_START)
        (consumer,) = await redis.xinfo_consumers(JOBS_BACKTEST, "workers")
        await given_unseen(redis, JOBS_BACKTEST, "workers", consumer["name"].decode(), {"data": "{}"})
        worker.process.terminate()
        await ended_well(worker, redis, "backtest")
        assert await redis.xlen(JOBS_BACKTEST) == 0


async def test_the_workers_end_with_their_service(servers: Servers, redis: Redis) -> None:
    """Told by it, in time, and by nobody else."""
    async with servers.run("backtest", BACKTEST_WORKERS="2") as backtest:
        await eventually(lambda: workers_read(redis, 2), within=FIRST_START)
        await eventually(backtest.is_ready)
        backtest.process.terminate()
        await ended_well(backtest, redis, "backtest")


async def test_the_workers_end_with_a_service_that_was_killed(servers: Servers, redis: Redis) -> None:
    """Even one that was stopped at the time, which cannot see that it is alone."""
    async with servers.run("backtest", BACKTEST_WORKERS="2") as backtest:
        await eventually(lambda: workers_read(redis, 2), within=FIRST_START)
        workers = psutil.Process(backtest.process.pid).children()
        workers[0].suspend()
        backtest.process.kill()
        left = left_of(workers, within=STOP)
        for worker in left:
            worker.kill()
        assert left == []

"""What a service could do with the credentials it has, if it were somebody else's."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
import pytest_asyncio
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from tests.e2e.platform import Platform

pytestmark = pytest.mark.e2e

DOORS = {"DATABASE_URL", "DATABASE_DIRECT_URL", "BUS_URL", "REDIS_URL", "REDIS_HOST", "REDIS_PASSWORD", "SECRET_KEY"}
NEEDS = {
    "gateway": {"BUS_URL", "REDIS_URL", "SECRET_KEY"},
    "strategy": {"BUS_URL", "DATABASE_URL", "REDIS_URL", "SECRET_KEY"},
    "backtest": {"BUS_URL", "DATABASE_URL", "REDIS_URL"},
    "invalidator": {"BUS_URL", "REDIS_URL"},
    "metrics": {"BUS_URL", "REDIS_URL"},
}


@pytest.mark.parametrize("service", NEEDS)
def test_each_service_holds_what_it_needs_under_its_own_name(system: Platform, service: str) -> None:
    """No way into a server it does not use, and nobody else's account on those it does; its workers neither."""
    for process in system.processes(f"services.{service}"):
        environ = process.environ()
        assert {name for name in environ if name in DOORS or name.endswith("_URL")} - {"OBJECT_STORE_URL"} == (
            NEEDS[service]
        )
        for variable in NEEDS[service] - {"SECRET_KEY"}:
            assert f"{service}:" in environ[variable], variable


@pytest_asyncio.fixture
async def strategy_database(system: Platform) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Logged in as the strategy service."""
    connection = await asyncpg.connect(system.given("strategy", "DATABASE_URL"))
    yield connection
    await connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM backtest.backtests",
        "SELECT * FROM backtest.outbox",
        "DELETE FROM strategy.object_version",
        "TRUNCATE strategy.outbox",
        "DELETE FROM strategy.users",
        "TRUNCATE strategy.strategies",
        "UPDATE strategy.alembic_version SET version_num = '0'",
        "SELECT * FROM strategy.alembic_version",
        "DROP TABLE strategy.strategies",
        "ALTER TABLE strategy.strategies ADD COLUMN secret text",
        "CREATE TABLE strategy.mine (n int)",
        "CREATE TABLE public.mine (n int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "SET ROLE aurelius",
        "COPY strategy.users TO PROGRAM 'cat'",
    ],
)
async def test_strategy_service_in_the_database(
    strategy_database: "asyncpg.Connection[asyncpg.Record]", statement: str
) -> None:
    """It reads and writes the rows of its own tables: no other's, none that are kept for good, no table's shape."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await strategy_database.execute(statement)


async def test_strategy_service_at_work(strategy_database: "asyncpg.Connection[asyncpg.Record]") -> None:
    """These refusals are not for want of a connection: what it does all day it may do."""
    await strategy_database.execute("SELECT count(*) FROM strategies")
    await strategy_database.execute("UPDATE users SET name = name WHERE false")


REFUSED = {
    ("strategy", "BUS_URL"): [
        ("FLUSHALL",),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("KEYS", "*"),
        ("SHUTDOWN",),
        ("XRANGE", "aurelius.rpc.backtest", "-", "+"),
        ("XREADGROUP", "GROUP", "backtest", "me", "STREAMS", "aurelius.rpc.backtest", ">"),
        ("XRANGE", "aurelius.rpc.metrics", "-", "+"),
        ("XADD", "aurelius.events.backtest", "*", "a", "1"),
        ("XADD", "aurelius.jobs.backtest", "*", "a", "1"),
        ("XTRIM", "aurelius.rpc.strategy", "MAXLEN", "0"),
        ("XTRIM", "aurelius.events.backtest", "MAXLEN", "0"),
        ("DEL", "aurelius.events.strategy"),
    ],
    ("gateway", "BUS_URL"): [
        ("FLUSHALL",),
        ("XADD", "aurelius.events.strategy", "*", "a", "1"),
        ("XREADGROUP", "GROUP", "strategy", "me", "STREAMS", "aurelius.rpc.strategy", ">"),
    ],
    ("metrics", "BUS_URL"): [
        ("XADD", "aurelius.events.strategy", "*", "a", "1"),
        ("XADD", "aurelius.cache.shown", "*", "a", "1"),
        ("XRANGE", "aurelius.rpc.strategy", "-", "+"),
        ("XREADGROUP", "GROUP", "invalidator", "me", "STREAMS", "aurelius.events.strategy", ">"),
        ("DEL", "aurelius.timings"),
    ],
    ("invalidator", "BUS_URL"): [("XADD", "aurelius.events.strategy", "*", "a", "1"), ("FLUSHALL",)],
    ("gateway", "REDIS_URL"): [("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "SET", "maxmemory", "1")],
    ("metrics", "REDIS_URL"): [
        ("FLUSHALL",),
        ("HGETALL", "aurelius:cache:x"),
        ("SCAN", "0"),
        ("HSET", "{aurelius:cache}:strategy:1", "floor", "0"),
        ("UNLINK", "{aurelius:cache}/strategy:1/doc"),
        ("PUBLISH", "{aurelius:cache}#feed", "1 strategy:1"),
    ],
    ("invalidator", "REDIS_URL"): [("FLUSHALL",), ("GET", "another:key")],
    ("strategy", "REDIS_URL"): [("FLUSHALL",), ("GET", "another:key"), ("CONFIG", "SET", "maxmemory", "1")],
    ("backtest", "REDIS_URL"): [("FLUSHALL",), ("GET", "another:key"), ("KEYS", "*")],
}


@pytest.mark.parametrize(
    ("service", "variable", "command"),
    [(*account, command) for account, commands in REFUSED.items() for command in commands],
    ids=str,
)
async def test_services_on_bus_and_cache(
    system: Platform, service: str, variable: str, command: tuple[str, ...]
) -> None:
    """Nobody empties or reconfigures a server, reads what was sent to another, or speaks in another's name."""
    async with Redis.from_url(system.given(service, variable), protocol=2) as client:
        assert await client.ping()
        send: Callable[..., Awaitable[object]] = client.execute_command
        with pytest.raises(NoPermissionError):
            await send(*command)


@pytest.mark.parametrize(("service", "variable"), [("strategy", "BUS_URL"), ("gateway", "REDIS_URL")])
async def test_nobody_without_a_name(system: Platform, service: str, variable: str) -> None:
    """The user that every Redis has is off."""
    _, _, place = system.given(service, variable).rpartition("@")
    async with Redis.from_url(f"redis://{place}", protocol=2) as client:
        with pytest.raises(AuthenticationError):
            await client.ping()

"""The service's own schema."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import msgspec
import pytest

from shared.contracts.errors import Unavailable
from shared.contracts.ids import new_id
from shared.runtime import database as database_module
from shared.runtime import time_limits
from shared.runtime.database import Database
from shared.runtime.settings import DatabaseSettings
from shared.runtime.tests.eventually import eventually
from tests.databases import execute
from tests.frozen import frozen
from tests.seconds import allowed

pytestmark = pytest.mark.integration


@pytest.fixture
async def things(database: Database, owner_url: str) -> Database:
    """With a table to write to."""
    await execute(owner_url, "CREATE TABLE strategy.thing (id uuid PRIMARY KEY, content json, other jsonb)")
    await execute(owner_url, "GRANT SELECT, INSERT ON strategy.thing TO aurelius_strategy")
    return database


async def count(database: Database) -> object:
    """Return how many things there are."""
    async with database.reading() as connection:
        return await connection.fetchval("SELECT count(*) FROM thing")


async def test_connections_see_their_schema_first(database: Database) -> None:
    """Stores name their tables without it."""
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT current_schema()") == "strategy"
        assert await connection.fetchval("SELECT to_regclass('outbox') = 'strategy.outbox'::regclass")


async def test_json_and_uuids_are_python_values(things: Database) -> None:
    """Objects in, objects out; ids are text, which is what the contracts have."""
    thing, content = new_id(), {"b": [1, 2.5, None], "a": "ß"}
    async with things.transaction() as connection:
        await connection.execute("INSERT INTO thing VALUES ($1, $2, $3)", thing, content, content)
        row = await connection.fetchrow("SELECT * FROM thing")
    assert row is not None
    assert dict(row) == {"id": thing, "content": content, "other": content}
    assert list(row["content"]) == ["b", "a"]


async def add(database: Database, thing: str, failure: Exception | None = None) -> None:
    """Add a thing, and fail at the end of its transaction if told to."""
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO thing VALUES ($1)", thing)
        if failure is not None:
            raise failure


async def test_a_transaction_is_all_or_nothing(things: Database) -> None:
    """It commits at the end and rolls back on any exception, which comes out."""
    await add(things, new_id())
    with pytest.raises(LookupError, match="changed my mind"):
        await add(things, new_id(), LookupError("changed my mind"))
    assert await count(things) == 1


async def test_errors_that_are_the_statements_own_come_out(things: Database) -> None:
    """A store turns a broken constraint into a conflict; only it can."""
    thing = new_id()
    await add(things, thing)
    with pytest.raises(asyncpg.UniqueViolationError):
        await add(things, thing)


async def test_a_database_that_is_not_there_is_unavailable(database_url: str) -> None:
    """At the connect, and before it."""
    away = Database(DatabaseSettings(database_url="postgresql://nobody@127.0.0.1:1/none"), "strategy")
    with pytest.raises(Unavailable, match="not connected yet"):
        await away.check()
    with pytest.raises(Unavailable, match="does not answer"):
        await away.connect()


async def test_a_lost_connection_costs_what_used_it_and_nothing_else(database: Database, database_url: str) -> None:
    """Postgres ended all sessions, as in a restart: the statement in flight is unavailable, the next one works."""

    async def sleep() -> None:
        async with database.reading() as connection:
            await connection.execute("SELECT pg_sleep(30)")

    await database.check()
    at_work = asyncio.create_task(sleep())
    killer = await asyncpg.connect(database_url)
    while not await killer.fetchval("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(30)'"):
        await asyncio.sleep(0.01)
    await killer.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await killer.close()
    with pytest.raises(Unavailable, match="does not answer"):
        await at_work
    await eventually(lambda: well(database))


async def test_sessions_that_end_at_any_moment_are_unavailable(database: Database, database_url: str) -> None:
    """In use, idle in the pool, between two statements: nothing but Unavailable comes out, and nothing stays broken."""

    async def use() -> None:
        with contextlib.suppress(Unavailable):
            async with database.transaction() as connection:
                await connection.execute("SELECT 1")

    killer = await asyncpg.connect(database_url)
    for _ in range(40):
        using = [asyncio.create_task(use()) for _ in range(5)]
        await killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await asyncio.gather(*using)
    await killer.close()
    await eventually(lambda: well(database))


async def well(database: Database) -> bool:
    """Say whether a query is answered."""
    try:
        await database.check()
    except Unavailable:
        return False
    return True


async def test_a_pool_in_full_use_is_unavailable(database_url: str) -> None:
    """In two seconds at most, however many ask, rather than queued into the deadline; afterwards it works."""
    async with pooled(database_url, 2) as database, database.reading(), database.reading():
        started = time.monotonic()
        refused = await asyncio.gather(
            *(database.transaction().__aenter__() for _ in range(50)), return_exceptions=True
        )
        assert time.monotonic() - started < allowed(2)
        assert {str(error) for error in refused} == {"All connections to the database are in use"}
    async with pooled(database_url, 2) as database:
        await asyncio.gather(*(database.check() for _ in range(50)))


async def test_a_pool_in_full_use_is_no_lost_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as one of its connections is answered now and then: a restart would mend nothing."""
    async with pooled(database_url, 1) as database:
        await database.check()
        async with database.reading():
            await database.check()
            monkeypatch.setattr(database_module, "ANSWERED_LATELY_SECONDS", 0.0)
            with pytest.raises(Unavailable, match="in use"):
                await database.check()


async def test_the_pool_has_the_size_it_was_given(database_url: str) -> None:
    """By who composes the process, where the settings' own would be too many."""
    database = Database(DatabaseSettings(database_url=database_url, database_pool_size=8), "strategy", pool_size=1)
    await database.connect()
    async with database.reading():
        with pytest.raises(Unavailable):
            async with database.reading():
                pass
    await database.close()


async def test_a_database_that_hangs_is_unavailable_in_time(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes statements and answers none: who asked hears of it before giving up, and it works when it goes on."""
    monkeypatch.setattr(database_module, "ANSWER_SECONDS", 0.5)
    async with pooled(database_url, 1) as database:
        async with database.reading() as connection:
            pid = await connection.fetchval("SELECT pg_backend_pid()")
            assert isinstance(pid, int)
        async with frozen(pid):
            started = time.monotonic()
            with pytest.raises(Unavailable, match="does not answer"):
                await database.check()
            assert time.monotonic() - started < allowed(1)
        await database.check()


@asynccontextmanager
async def pooled(database_url: str, size: int) -> AsyncIterator[Database]:
    """Lend a database with a pool of this size."""
    database = Database(DatabaseSettings(database_url=database_url, database_pool_size=size), "strategy")
    await database.connect()
    yield database
    await database.close()


async def test_a_session_is_set_up_whoever_logs_in(database_url: str) -> None:
    """A role that several services share has no defaults of its own; and a client that is gone is noticed."""
    async with pooled(database_url, 1) as database, database.reading() as connection:
        assert await connection.fetchval("SHOW search_path") == "strategy"
        version = await connection.fetchval("SELECT current_setting('server_version_num')::int")
        for name in time_limits.time_limits(msgspec.convert(version, int) // 10_000):
            assert await connection.fetchval(f"SHOW {name}") == "5s"
        assert await connection.fetchval("SHOW tcp_keepalives_idle") == "15"


async def lock_in_transaction(database: Database) -> None:
    """Wait for the lock as a write does."""
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE outbox")


async def lock_in_statement(database: Database) -> None:
    """Wait for the lock as a read does."""
    async with database.reading() as connection:
        await connection.fetch("SELECT * FROM outbox")


@pytest.mark.parametrize("wait", [lock_in_transaction, lock_in_statement])
async def test_a_transaction_ends_before_the_caches_protection_does(
    database_url: str, monkeypatch: pytest.MonkeyPatch, wait: Callable[[Database], Awaitable[None]]
) -> None:
    """The server ends one that takes too long, here one that waits for a lock; the caller may try again."""
    monkeypatch.setattr(time_limits, "TRANSACTION_TIMEOUT_MS", 200)
    database = Database(DatabaseSettings(database_url=database_url), "strategy")
    await database.connect()
    holder = await asyncpg.connect(database_url)
    async with holder.transaction():
        await holder.execute("LOCK TABLE strategy.outbox")
        with pytest.raises(Unavailable):
            await wait(database)
    await holder.close()
    await database.check()
    await database.close()


async def sleep_past_the_limit(database: Database) -> None:
    """Have the server cancel a statement."""
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL statement_timeout = 50")
        await connection.execute("SELECT pg_sleep(30)")


async def test_a_statement_that_was_cut_off_is_unavailable(database: Database) -> None:
    """Where Postgres knows no limit for a transaction (before 17), each statement has one."""
    with pytest.raises(Unavailable):
        await sleep_past_the_limit(database)
    await database.check()


async def test_closing_does_not_wait_for_a_statement_that_hangs(database_url: str) -> None:
    """A stop takes its moment and no more."""
    database = Database(DatabaseSettings(database_url=database_url), "strategy")
    await database.connect()
    async with database.reading():
        started = time.monotonic()
        await database.close()
        assert time.monotonic() - started < allowed(3)


async def test_listening_goes_past_a_pooler(database_url: str) -> None:
    """By DATABASE_DIRECT_URL, where one is given."""
    settings = DatabaseSettings(database_url="postgresql://pooler:1/x", database_direct_url=database_url)
    connection = await Database(settings, "strategy").listen_connection()
    assert await connection.fetchval("SELECT current_schema()") == "strategy"
    await connection.close()

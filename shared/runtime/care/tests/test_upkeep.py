"""Analyzing and vacuuming, on demand and by itself."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial

import pytest

from services.strategy.migrations.indexes import INDEXES
from shared.contracts.clock import SystemClock
from shared.contracts.database_messages import (
    DescribeIndexes,
    DescribeTables,
    IndexPage,
    ListSlowQueries,
    SlowQueryPage,
    TablePage,
    Upkeep,
    UpkeepBegun,
    UpkeepCommand,
)
from shared.contracts.errors import Conflict, Forbidden, NotFound
from shared.contracts.ids import new_id
from shared.contracts.values import Principal, Role
from shared.runtime.bus.server import Call
from shared.runtime.care import session
from shared.runtime.care.handlers import CareHandlers
from shared.runtime.care.session import Connection, alone_on, care_session
from shared.runtime.care.statistics import Statistics
from shared.runtime.database import Database
from shared.runtime.tests.eventually import eventually
from tests.clock import FakeClock
from tests.databases import service_url

pytestmark = pytest.mark.integration


def call(role: Role = "admin", seconds: float = 20.0) -> Call:
    """Return a request of somebody with this role."""
    return Call(new_id(), Principal(user_id=new_id(), role=role), time.time() + seconds, "", "")


@pytest.fixture
async def handlers(database: Database, owner_url: str) -> AsyncIterator[CareHandlers]:
    """As the strategy service has them."""
    opened = partial(care_session, service_url(owner_url, "strategy"), "aurelius-strategy-care")
    made = CareHandlers(database, "strategy", INDEXES, opened)
    yield made
    await made.close()


async def begun(handlers: CareHandlers, message: Upkeep) -> UpkeepBegun:
    """Have it done; returns what is answered."""
    value = (await handlers.upkeep(message, call())).value
    assert isinstance(value, UpkeepBegun)
    return value


@pytest.mark.parametrize("command", ["analyze", "vacuum"])
async def test_a_service_may_take_care_of_its_tables(
    handlers: CareHandlers, owner: Connection, command: UpkeepCommand
) -> None:
    """Of one, or of all that are its own: the right to is what migrations give it."""
    assert await begun(handlers, Upkeep(command=command, table="strategy.users", wait=10)) == UpkeepBegun(
        command=command, tables=["strategy.users"], finished=True
    )
    assert await cared_for(owner, command) == {"users"}
    answer = await begun(handlers, Upkeep(command=command, wait=10))
    assert answer.finished
    assert "strategy.alembic_version" not in answer.tables
    assert {f"strategy.{name}" for name in await cared_for(owner, command)} == set(answer.tables)


async def cared_for(owner: Connection, command: UpkeepCommand) -> set[str]:
    """Return the tables that were analyzed, or vacuumed, on demand."""
    rows = await owner.fetch(
        "SELECT relname, last_analyze, last_vacuum FROM pg_stat_user_tables WHERE schemaname = 'strategy'"
    )
    return {row["relname"] for row in rows if row[f"last_{command}"] and row["last_analyze"]}


async def test_a_table_that_is_not_there(handlers: CareHandlers) -> None:
    """Is not found, before anything is begun."""
    with pytest.raises(NotFound, match=r"no table strategy\.nothing"):
        await begun(handlers, Upkeep(command="vacuum", table="strategy.nothing"))


async def test_a_role_without_the_right_is_told(handlers: CareHandlers, owner: Connection) -> None:
    """As before Postgres 17: what to run as the owner. Postgres itself would only warn, and do nothing."""
    await owner.execute("REVOKE MAINTAIN ON ALL TABLES IN SCHEMA strategy FROM aurelius_strategy")
    with pytest.raises(Forbidden, match="aurelius db analyze"):
        await begun(handlers, Upkeep(command="vacuum"))


async def test_it_outlasts_the_limit_of_transactions(owner: Connection, owner_url: str) -> None:
    """A service's role has one of five seconds; a large table takes longer."""
    async with care_session(service_url(owner_url, "strategy"), "care") as connection:
        for setting in ("transaction_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
            assert await connection.fetchval(f"SHOW {setting}") == "0"
        assert await connection.fetchval("SHOW lock_timeout") == "10s"
    async with care_session(owner_url, "care") as connection:
        assert await connection.fetchval("SELECT setting FROM pg_settings WHERE name = 'application_name'") == "care"


async def test_one_process_at_a_time(handlers: CareHandlers, owner: Connection) -> None:
    """Another service of the kind, or the command line: the second is told."""
    async with alone_on(owner, "strategy"):
        with pytest.raises(Conflict, match="Somebody else"):
            await begun(handlers, Upkeep(command="analyze"))
    assert (await begun(handlers, Upkeep(command="analyze", wait=10))).finished


async def test_it_goes_on_when_nobody_waits(handlers: CareHandlers, owner: Connection, owner_url: str) -> None:
    """The answer says that it was begun; a second request is refused until it has ended."""
    async with care_session(owner_url, "holder") as holder, holder.transaction():
        await holder.execute("LOCK TABLE strategy.users IN SHARE UPDATE EXCLUSIVE MODE")
        answer = await begun(handlers, Upkeep(command="vacuum", table="strategy.users", wait=0.05))
        assert answer == UpkeepBegun(command="vacuum", tables=["strategy.users"], finished=False)
        with pytest.raises(Conflict, match="already"):
            await begun(handlers, Upkeep(command="vacuum"))

    async def done() -> bool:
        return "users" in await cared_for(owner, "vacuum")

    await eventually(done)


async def test_a_table_that_others_hold_is_left_out(
    handlers: CareHandlers, owner: Connection, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which whoever waits is told; and the next one is done."""
    monkeypatch.setattr(session, "LOCK_SECONDS", 0.05)
    async with care_session(owner_url, "holder") as holder, holder.transaction():
        await holder.execute("LOCK TABLE strategy.users IN SHARE UPDATE EXCLUSIVE MODE")
        answer = await begun(handlers, Upkeep(command="analyze", wait=10))
    assert (answer.finished, answer.left_out) == (True, ["strategy.users"])
    done = await cared_for(owner, "analyze")
    assert "users" not in done
    assert "sessions" in done


async def test_a_stop_breaks_it_off(handlers: CareHandlers, owner: Connection, owner_url: str) -> None:
    """No statement and no lock is left of it."""
    async with care_session(owner_url, "holder") as holder, holder.transaction():
        await holder.execute("LOCK TABLE strategy.users IN SHARE UPDATE EXCLUSIVE MODE")
        await begun(handlers, Upkeep(command="vacuum", table="strategy.users"))
        await handlers.close()

        async def gone() -> bool:
            query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'aurelius-strategy-care'"
            return bool(await owner.fetchval(query) == 0)

        await eventually(gone)
        async with alone_on(owner, "strategy"):
            pass


async def test_administrators_alone(handlers: CareHandlers) -> None:
    """Whoever else asks, past the gateway, is refused before anything is looked at."""
    user = call("user")
    for asked in (
        handlers.tables(DescribeTables(), user),
        handlers.indexes(DescribeIndexes(), user),
        handlers.slow_queries(ListSlowQueries(), user),
        handlers.upkeep(Upkeep(command="vacuum"), user),
    ):
        with pytest.raises(Forbidden):
            await asked


async def test_what_is_answered_about_tables(handlers: CareHandlers, owner: Connection) -> None:
    """Rows are counted when that is asked for, of the tables that the service may read, in the time that there is."""
    await owner.execute("""
        SET aurelius.announces = on;
        INSERT INTO strategy.users VALUES (gen_random_uuid(), 'e', 'n', 'user', true, '', now())
    """)
    for exact, seconds, rows in ((False, 20.0, None), (True, 20.0, 1), (True, 1.0, None)):
        value = (await handlers.tables(DescribeTables(exact=exact), call(seconds=seconds))).value
        assert isinstance(value, TablePage)
        counted = {table.name: table.rows for table in value.items}
        assert counted["users"] == rows
        assert counted["alembic_version"] is None


async def test_what_is_answered_about_indexes_and_queries(handlers: CareHandlers) -> None:
    """Those of the service's own schema, and of its own role."""
    value = (await handlers.indexes(DescribeIndexes(), call())).value
    assert isinstance(value, IndexPage)
    assert {index.name for index in value.items} == {index.name for index in INDEXES}
    queries = (await handlers.slow_queries(ListSlowQueries(limit=200), call())).value
    assert isinstance(queries, SlowQueryPage)
    assert {query.role for query in queries.items} <= {"aurelius_strategy"}
    assert queries.available


@pytest.fixture
def statistics(owner_url: str) -> Statistics:
    """Those of the strategy service, a day old at most."""
    opened = partial(care_session, service_url(owner_url, "strategy"), "statistics")
    return Statistics("strategy", opened, SystemClock(), 24.0)


async def change(owner: Connection, table: str = "stream_sequence") -> None:
    """Change a table, and have that counted."""
    await owner.execute(f"INSERT INTO strategy.{table} VALUES (gen_random_uuid()::text, 1)")
    await owner.fetchval("SELECT pg_stat_force_next_flush()")


async def test_statistics_are_made_anew_when_they_are_old(
    owner: Connection, owner_url: str, statistics: Statistics
) -> None:
    """Of a table that has changed since, once; whoever comes second finds it done."""
    await change(owner)
    both = await asyncio.gather(statistics.refresh(), statistics.refresh(), return_exceptions=True)
    done = [each for each in both if each == ["stream_sequence"]]
    assert len(done) == 1
    assert all(isinstance(each, Conflict) or each in ([], ["stream_sequence"]) for each in both)
    await change(owner)
    assert await statistics.refresh() == []
    clock = FakeClock()
    clock.time = SystemClock().now()
    clock.advance(hours=25)
    later = Statistics("strategy", partial(care_session, service_url(owner_url, "strategy"), "later"), clock, 24.0)
    assert await later.refresh() == ["stream_sequence"]


async def test_it_is_done_by_itself(owner: Connection, owner_url: str) -> None:
    """For as long as the service runs, also after a time in which it could not be."""
    away = True

    def opened():  # type: ignore[no-untyped-def]
        if away:
            raise OSError("away")
        return care_session(service_url(owner_url, "strategy"), "statistics")

    await change(owner)
    running = asyncio.create_task(Statistics("strategy", opened, SystemClock(), 0.01 / 3600).run())
    away = False

    async def done() -> bool:
        return "stream_sequence" in await cared_for(owner, "analyze")

    await eventually(done)
    running.cancel()
    await asyncio.wait([running])

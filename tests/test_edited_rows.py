"""What somebody changes in the database by hand is announced like any other change: once, when it is committed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import pytest

from services.invalidator.core.changes import read_change
from shared.contracts.clock import SystemClock
from shared.contracts.events import CloudEvent, StrategyRowsEdited, StrategyUpdated
from shared.contracts.ids import new_id
from shared.contracts.objects import strategies_object, strategy_object
from shared.runtime.database import Database
from shared.runtime.migrations.edited_rows import OBJECTS_AN_EVENT
from shared.runtime.outbox import announce
from tests.databases import connected, execute, with_account

pytestmark = pytest.mark.integration

ANA, BEN, STRATEGY, DATASET, RUN, SWEEP, SESSION = (new_id() for _ in range(7))

_ROWS = (
    "INSERT INTO strategy.users VALUES ($1, 'a@example.com', 'A', 'user', true, 'x', now(), 1)",
    "INSERT INTO strategy.sessions VALUES ($7, $1, 'x', now(), now())",
    "INSERT INTO strategy.strategies VALUES ($3, $1, 'n', '', '{}', 'h', 1, 1, 'draft', now(), now())",
    "INSERT INTO strategy.strategy_versions VALUES ($3, 1, '{}', 'h', now())",
    """
    INSERT INTO backtest.datasets (id, owner_id, name, symbol, interval, timezone, rows, first_at, last_at, sha256,
                                   gaps, split_like_jumps, zero_volume_bars, created_at)
    VALUES ($4, $1, 'd', 'D', '1d', 'UTC', 2, '2020-01-01', '2020-01-02', repeat('a', 64), 0, 0, 0, now())
    """,
    """
    INSERT INTO backtest.backtests (id, owner_id, dataset_id, spec, run_identity, status, created_at)
    VALUES ($5, $1, $4, '{}', '{}', 'queued', now())
    """,
    """
    INSERT INTO backtest.sweeps (id, owner_id, dataset_id, spec, run_identity, grid, objective, status, combinations,
                                 created_at)
    VALUES ($6, $1, $4, '{}', '{}', '{}', 'sharpe', 'queued', 1, now())
    """,
)
NOT_CACHED = {
    "strategy": {"used_refresh_tokens"},
    # No route reads the last two yet: whoever adds one names their objects, and gives them the triggers.
    "backtest": {"jobs", "prefix_tests", "validations", "gate_results"},
}
SHARED = {"object_version", "outbox", "stream_sequence", "relay_lease", "group_floor", "request_answer"}
_WITH_TRIGGERS = """
SELECT array_agg(DISTINCT c.relname::text) FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
WHERE c.relnamespace = $1::regnamespace AND t.tgname LIKE 'edited_rows_%'
"""

Operator = Any
"""A connection of somebody's who writes SQL: asyncpg's, whose stubs want a record."""


@pytest.fixture
async def operator(owner_url: str) -> AsyncIterator[Operator]:
    """Logged in as the tables' owner, before some rows that nobody has announced."""
    connection = await asyncpg.connect(owner_url)
    await connection.execute("SET aurelius.announces = on")
    values = (ANA, BEN, STRATEGY, DATASET, RUN, SWEEP, SESSION)
    for statement in _ROWS:
        await connection.execute(_literal(statement, values))
    await connection.execute("RESET aurelius.announces")
    yield connection
    await connection.close()


def _literal(statement: str, values: tuple[str, ...]) -> str:
    for number, value in enumerate(values, start=1):
        statement = statement.replace(f"${number}", f"'{value}'")
    return statement


async def versions(operator: Operator, service: str) -> dict[str, int]:
    """Return every object that has a version."""
    rows = await operator.fetch(f"SELECT object, version FROM {service}.object_version")  # our own name
    return {row["object"]: row["version"] for row in rows}


async def events(operator: Operator, service: str) -> list[CloudEvent]:
    """Return what is in the outbox, as consumers will read it."""
    rows = await operator.fetch(f"SELECT * FROM {service}.outbox ORDER BY id")  # our own name
    return [
        CloudEvent(
            id=row["event_id"],
            source=f"/{service}",
            type=row["type"],
            subject=row["subject"],
            time=row["time"],
            sequence=row["id"],
            owner=row["owner"],
            traceparent=row["traceparent"],
            data=row["data"],
        )
        for row in rows
    ]


@pytest.mark.parametrize(
    ("statement", "objects"),
    [
        ("UPDATE strategy.users SET role = 'admin'", {f"user:{ANA}", "users:all"}),
        ("UPDATE strategy.sessions SET revoked_at = now()", {f"session:{SESSION}"}),
        ("UPDATE strategy.strategies SET name = 'm'", {f"strategy:{STRATEGY}", f"strategies:{ANA}"}),
        ("UPDATE strategy.strategy_versions SET spec_hash = 'i'", {f"strategy:{STRATEGY}"}),
        ("DELETE FROM strategy.strategies", {f"strategy:{STRATEGY}", f"strategies:{ANA}"}),
        ("TRUNCATE strategy.strategies CASCADE", {f"strategy:{STRATEGY}", f"strategies:{ANA}"}),
        ("UPDATE backtest.datasets SET name = 'e'", {f"dataset:{DATASET}", f"datasets:{ANA}"}),
        (
            f"UPDATE backtest.datasets SET owner_id = '{BEN}'",
            {f"dataset:{DATASET}", f"datasets:{ANA}", f"datasets:{BEN}"},
        ),
        ("UPDATE backtest.backtests SET status = 'cancelled'", {f"backtest:{RUN}", f"backtests:{ANA}"}),
        ("DELETE FROM backtest.backtests", {f"backtest:{RUN}", f"backtests:{ANA}"}),
        ("DELETE FROM backtest.sweeps", {f"sweep:{SWEEP}", f"sweeps:{ANA}"}),
        (
            "TRUNCATE backtest.datasets CASCADE",
            {f"{name}:{id_}" for name, id_ in (("dataset", DATASET), ("backtest", RUN), ("sweep", SWEEP))}
            | {f"{name}:{ANA}" for name in ("datasets", "backtests", "sweeps")},
        ),
    ],
)
async def test_whatever_shows_an_edited_row_is_announced(operator: Operator, statement: str, objects: set[str]) -> None:
    """Each object gets a new version, and an event that the invalidator understands names it."""
    service = "strategy" if "strategy." in statement else "backtest"
    await operator.execute(statement)
    raised = await versions(operator, service)
    assert raised == dict.fromkeys(objects, 1)
    recorded = await events(operator, service)
    assert {event.type for event in recorded} == {f"aurelius.{service}_rows.edited.v1"}
    assert all(event.event() is not None for event in recorded)
    changes = [read_change(_on_stream(event)) for event in recorded]
    assert {obj: version for change in changes for obj, version in change.objects.items()} == raised
    assert all(change.at is not None for change in changes)
    assert await operator.fetchval(f"SELECT count(*) FROM {service}.edited_object") == 0  # our own name


def _on_stream(event: CloudEvent) -> dict[bytes, bytes]:
    fields = event.to_entry().items()
    return {name.encode(): value.encode() if isinstance(value, str) else value for name, value in fields}


async def test_an_event_is_its_owners(operator: Operator) -> None:
    """Who reads only what is theirs hears of no other's rows."""
    await operator.execute("UPDATE strategy.strategies SET name = 'm'")
    (recorded,) = await events(operator, "strategy")
    event = recorded.event()
    assert isinstance(event, StrategyRowsEdited)
    assert (event.id, event.owner, event.version) == (ANA, ANA, 0)
    assert (recorded.owner, recorded.subject) == (ANA, f"owner:{ANA}")


async def test_a_transaction_is_announced_once_and_at_its_end(operator: Operator) -> None:
    """However many statements it has. Until then nobody else who changes these objects is held up."""
    async with operator.transaction():
        await operator.execute("UPDATE strategy.strategies SET name = 'm'")
        await operator.execute("UPDATE strategy.strategies SET name = 'o'")
        await operator.execute("UPDATE strategy.users SET name = 'B'")
        locked = "SELECT count(*) FROM pg_locks WHERE relation = 'strategy.object_version'::regclass"
        assert await operator.fetchval(locked) == 0
        assert await events(operator, "strategy") == []
    assert set((await versions(operator, "strategy")).values()) == {1}
    assert len(await events(operator, "strategy")) == 1
    await operator.execute("UPDATE strategy.strategies SET name = 'p'")
    assert (await versions(operator, "strategy"))[f"strategies:{ANA}"] == 2


async def test_what_is_rolled_back_is_not_announced(operator: Operator) -> None:
    """Neither a whole transaction nor a part of one."""
    with pytest.raises(LookupError):
        await edit_and_fail(operator)
    assert (await versions(operator, "strategy"), await events(operator, "strategy")) == ({}, [])
    async with operator.transaction():
        await operator.execute("UPDATE strategy.users SET name = 'B'")
        with pytest.raises(LookupError):
            await edit_and_fail(operator)
    assert set(await versions(operator, "strategy")) == {f"user:{ANA}", "users:all"}


async def edit_and_fail(operator: Operator) -> None:
    """Change something, and think better of it."""
    async with operator.transaction():
        await operator.execute("UPDATE strategy.strategies SET name = 'm'")
        raise LookupError


async def test_a_change_of_many_rows_is_announced_in_a_few_events(operator: Operator) -> None:
    """Ten thousand runs that an operator gives up at once: none is forgotten, and no event is beyond measure."""
    await operator.execute(
        "INSERT INTO backtest.backtests (id, owner_id, dataset_id, spec, run_identity, status, created_at) "
        "SELECT gen_random_uuid(), owner_id, dataset_id, '{}', '{}', 'queued', now() "
        "FROM backtest.backtests, generate_series(1, 9999)"
    )
    recorded = [event.event() for event in await events(operator, "backtest")]
    named = [len(event.objects) for event in recorded if event is not None]
    assert max(named) == OBJECTS_AN_EVENT
    assert len(named) == -(-10_000 // OBJECTS_AN_EVENT)
    assert sum(named) == 10_000
    assert len(await versions(operator, "backtest")) == 10_000


async def test_who_changes_the_same_lists_in_another_order_does_not_deadlock(
    operator: Operator, owner_url: str
) -> None:
    """At their COMMIT all raise versions in one order, whatever they have changed first."""
    first, last = sorted((ANA, BEN))
    add = "INSERT INTO strategy.strategies VALUES ($1, $2, 'n', '', '{}', 'h', 1, 1, 'draft', now(), now())"
    in_line = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    await execute(owner_url, f"INSERT INTO strategy.users VALUES ('{BEN}', 'b@c.d', 'B', 'user', true, 'x', now(), 1)")
    async with AsyncExitStack() as stack:
        one, other = [await asyncpg.connect(owner_url) for _ in range(2)]
        for connection in (one, other):
            stack.push_async_callback(connection.close)
        for connection, owners in ((one, (first, last)), (other, (last, first))):
            await connection.execute("BEGIN")
            for owner in owners:
                await connection.execute(add, new_id(), owner)
        async with operator.transaction():
            await operator.execute("INSERT INTO strategy.object_version VALUES ($1, 1)", f"strategies:{first}")
            commits = []
            for number, connection in enumerate((one, other), start=1):
                commits.append(asyncio.create_task(connection.execute("COMMIT")))
                while await operator.fetchval(in_line) < number:
                    await asyncio.sleep(0.01)
        await asyncio.gather(*commits)
    assert (await versions(operator, "strategy"))[f"strategies:{first}"] == 3


async def test_our_own_writes_are_announced_by_themselves_alone(operator: Operator, owner_url: str) -> None:
    """Once: the version that a client is told is the one that is stored."""
    async with connected(owner_url, "strategy") as database:
        assert await rename(database) == {f"strategy:{STRATEGY}": 1, f"strategies:{ANA}": 1}
    assert await versions(operator, "strategy") == {f"strategy:{STRATEGY}": 1, f"strategies:{ANA}": 1}
    assert [event.type for event in await events(operator, "strategy")] == [StrategyUpdated.TYPE]


async def rename(database: Database) -> dict[str, int]:
    """Change a strategy as its service does."""
    async with database.transaction() as connection:
        await connection.execute("UPDATE strategies SET name = 'm'")
        event = StrategyUpdated(id=STRATEGY, owner=ANA, version=0, changed=["name"])
        objects = [strategy_object(STRATEGY), strategies_object(ANA)]
        return await announce(connection, event, objects, clock=SystemClock())


async def test_who_may_change_a_row_needs_no_other_right(operator: Operator, owner_url: str) -> None:
    """Somebody who is let near one table alone cannot forge an event, and causes one all the same."""
    role = f"editor_{new_id().replace('-', '')}"
    await operator.execute(
        f"CREATE ROLE {role} LOGIN PASSWORD 'editing'; GRANT USAGE ON SCHEMA strategy TO {role};"
        f"GRANT SELECT, UPDATE ON strategy.strategies TO {role}"
    )
    try:
        editor = with_account(owner_url, role, "editing")
        await execute(editor, "UPDATE strategy.strategies SET name = 'm'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await execute(editor, "INSERT INTO strategy.edited_object (object, owner) VALUES ('user:x', 'x')")
    finally:
        await operator.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    assert len(await events(operator, "strategy")) == 1


@pytest.mark.parametrize("service", NOT_CACHED)
async def test_no_table_is_forgotten(operator: Operator, service: str) -> None:
    """A new one is shown in a cached answer, and has the triggers, or stands in the list of those that are not."""
    tables = {row[0] for row in await operator.fetch("SELECT tablename FROM pg_tables WHERE schemaname = $1", service)}
    watched = set(await operator.fetchval(_WITH_TRIGGERS, service))
    assert tables - SHARED - {"alembic_version", "edited_object"} == watched | NOT_CACHED[service]

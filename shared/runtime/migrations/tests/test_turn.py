"""Migrations and the locks of others."""

import asyncio
import time
from pathlib import Path

import asyncpg
import pytest

from shared.runtime.migrations import turn
from shared.runtime.migrations.runner import migrate_in
from shared.runtime.migrations.sentences import MigrationFailed
from shared.runtime.migrations.tests.packages import ITEM, write_package
from tests.databases import ask
from tests.seconds import allowed

pytestmark = pytest.mark.integration

CHANGE = 'op.execute("CREATE TABLE other (n int)"); op.execute("ALTER TABLE item ADD COLUMN m int")'
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.fixture
async def holder(owner_url: str, folder: Path) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection with a transaction open that has read the table which the next revision changes."""
    await migrate_in(owner_url, write_package(folder, ITEM))
    write_package(folder, ITEM, CHANGE)
    connection = await asyncpg.connect(owner_url, server_settings={"application_name": "a long dump"})
    await connection.execute("BEGIN; SELECT count(*) FROM orders.item")
    return connection


async def test_a_table_in_use_is_tried_again(
    owner_url: str, holder: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction of a service ends while a migration tries, and then it is done."""
    monkeypatch.setattr(turn, "LOCK_SECONDS", 1)
    migration = asyncio.create_task(migrate_in(owner_url, "orders"))
    for waits in (1, 0):
        while await ask(owner_url, WAITING) != waits:
            assert not migration.done()
    await holder.close()
    await migration
    assert await ask(owner_url, "SELECT count(m) FROM orders.item") == 0


async def test_a_table_that_stays_in_use_is_given_up(
    owner_url: str, holder: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the table meanwhile waits for one attempt, not for all; nothing is left; the culprit is named."""
    monkeypatch.setattr(turn, "LOCK_SECONDS", 1)
    monkeypatch.setattr(turn, "PAUSE_SECONDS", 0.5)
    monkeypatch.setattr(turn, "ATTEMPTS", 3)
    migration = asyncio.create_task(migrate_in(owner_url, "orders"))
    while not await ask(owner_url, WAITING):
        assert not migration.done()
    began = time.monotonic()
    await ask(owner_url, "SELECT count(*) FROM orders.item")
    assert time.monotonic() - began < allowed(2)
    pid = await holder.fetchval("SELECT pg_backend_pid()")
    with pytest.raises(MigrationFailed) as raised:
        await migration
    assert str(raised.value) == (
        "a lock could not be had in 3 attempts of 1 s: another transaction holds it, the oldest is that of process "
        f"{pid} of a long dump. Let it end or end it (pg_terminate_backend), then start again"
    )
    await holder.close()
    assert await ask(owner_url, "SELECT to_regclass('orders.other')") is None
    assert await ask(owner_url, "SELECT version_num FROM orders.alembic_version") == "0001"


async def test_another_migration_that_does_not_end_is_given_up(
    owner_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have lost its machine."""
    monkeypatch.setattr(turn, "TURN_SECONDS", 1)
    other = await asyncpg.connect(owner_url)
    await other.execute(f"BEGIN; SELECT pg_advisory_xact_lock({turn._LOCK})")
    with pytest.raises(MigrationFailed, match=r"^another migration of this database has not ended for 1 s: "):
        await migrate_in(owner_url, write_package(folder, ITEM))
    await other.close()
    assert await ask(owner_url, "SELECT to_regnamespace('orders')") is None


async def test_a_deadlock_is_tried_again(owner_url: str, folder: Path) -> None:
    """A service's transaction and the migration each wait for the other's table: Postgres ends one of the two."""
    await migrate_in(owner_url, write_package(folder, f'{ITEM}; op.execute("CREATE TABLE other (n int)")'))
    write_package(folder, ITEM, 'op.execute("DROP TABLE item"); op.execute("DROP TABLE other")')
    service = await asyncpg.connect(owner_url)
    await service.execute("BEGIN; INSERT INTO orders.other VALUES (1)")
    migration = asyncio.create_task(migrate_in(owner_url, "orders"))
    while not await ask(owner_url, WAITING):
        assert not migration.done()
    await service.execute("INSERT INTO orders.item VALUES (1); COMMIT")
    await service.close()
    await migration
    assert await ask(owner_url, "SELECT to_regclass('orders.item')") is None

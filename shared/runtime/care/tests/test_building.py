"""Making indexes while the tables are in use, and what an interruption leaves."""

import asyncio

import asyncpg
import pytest

from services.strategy.migrations.indexes import INDEXES
from shared.contracts.errors import Conflict
from shared.runtime.care import building
from shared.runtime.care.building import CannotBuild, build_indexes
from shared.runtime.care.indexes import ANOTHERS, NOT_DONE, is_wrong
from shared.runtime.care.session import Connection, alone_on, care_session
from shared.runtime.care.tests.test_indexes import described
from shared.runtime.tests.eventually import eventually
from tests.databases import ask
from tests.seconds import allowed

pytestmark = pytest.mark.integration

USERS = """
SET aurelius.announces = on;
INSERT INTO strategy.users SELECT gen_random_uuid(), $$same@example.com$$, 'n', 'user', true, '', now()
FROM generate_series(1, 2)
"""


async def build(connection: Connection) -> tuple[int, list[str]]:
    """Build; returns how many were made, and each step."""
    steps: list[str] = []
    made = await build_indexes(connection, "strategy", INDEXES, steps.append)
    return made, steps


async def all_are_valid(connection: Connection) -> bool:
    """Say whether the indexes are those that are declared, and there is no other."""
    return {index.condition for index in (await described(connection)).values()} == {"valid"}


async def test_nothing_is_done_where_nothing_is_to_be_done(owner: Connection) -> None:
    """A second run is as good as none."""
    assert await build(owner) == (0, [])


@pytest.mark.parametrize(
    "damage",
    [
        "DROP INDEX strategy.sessions_by_user, strategy.users_by_email",
        "DROP INDEX strategy.strategies_by_part_of_name",
        "ALTER TABLE strategy.strategy_versions DROP CONSTRAINT strategy_versions_pkey",
        "ALTER TABLE strategy.outbox DROP CONSTRAINT outbox_stream_sequence_key",
        """
        ALTER TABLE strategy.strategy_versions DROP CONSTRAINT strategy_versions_pkey;
        CREATE UNIQUE INDEX strategy_versions_pkey ON strategy.strategy_versions (strategy_id, version)
        """,
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'strategy.users_by_email'::regclass",
        "DROP INDEX strategy.users_by_email; CREATE INDEX users_by_email ON strategy.users (email)",
        "ALTER INDEX strategy.sessions_by_user RENAME TO sessions_by_user_new",
        "CREATE INDEX sessions_by_user_new ON strategy.sessions (user_id, expires_at)",
        """
        DROP INDEX strategy.sessions_by_user; CREATE INDEX sessions_by_user ON strategy.sessions (user_id);
        CREATE INDEX sessions_by_user_new ON strategy.sessions (user_id, created_at)
        """,
        """
        CREATE INDEX sessions_by_user_ccnew1 ON strategy.sessions (user_id, expires_at);
        UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'strategy.sessions_by_user_ccnew1'::regclass
        """,
    ],
)
async def test_each_damage_is_mended(owner: Connection, damage: str) -> None:
    """Missing, invalid, different, without its constraint, or half-way between an old and a new one."""
    await owner.execute(damage)
    assert not await all_are_valid(owner)
    _, steps = await build(owner)
    assert await all_are_valid(owner)
    assert await build(owner) == (0, [])
    assert steps or "RENAME" in damage or "UNIQUE INDEX strategy_versions_pkey" in damage


async def test_what_is_somebody_elses_stays(owner: Connection) -> None:
    """Whether or not it is valid: perhaps it is being made."""
    await owner.execute("CREATE INDEX mine ON strategy.users (name); CREATE INDEX mine_new ON strategy.users (name)")
    await owner.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'strategy.mine_new'::regclass")
    assert await build(owner) == (0, [])
    found = await described(owner)
    assert {found[name].condition for name in ("mine", "mine_new")} == {"undeclared"}
    assert not any(map(is_wrong, found.values()))
    assert [ANOTHERS in found[name].hints for name in ("mine", "mine_new")] == [False, True]


async def test_rows_that_are_alike_are_told(owner: Connection) -> None:
    """A unique index cannot be made of them; nothing half-made stays, and what was there before does."""
    await owner.execute(
        "DROP INDEX strategy.users_by_email; CREATE INDEX users_by_email ON strategy.users (lower(email))"
    )
    await owner.execute(USERS)
    with pytest.raises(CannotBuild, match=r"must be unique, and there are rows that are alike .*same@example\.com"):
        await build(owner)
    found = await described(owner)
    assert found["users_by_email"].condition == "different"
    assert "users_by_email_new" not in found


async def test_what_a_constraint_stands_on_is_left_to_migrations(owner: Connection) -> None:
    """Replacing it would take the constraint away meanwhile."""
    await owner.execute("""
        ALTER TABLE strategy.outbox DROP CONSTRAINT outbox_stream_sequence_key;
        ALTER TABLE strategy.outbox ADD CONSTRAINT outbox_stream_sequence_key UNIQUE (sequence, stream)
    """)
    with pytest.raises(CannotBuild, match="only a migration may change it"):
        await build(owner)


async def test_writers_go_on_while_one_is_made(owner: Connection, owner_url: str) -> None:
    """It waits for a transaction that began before; one that begins meanwhile does not wait for it."""
    await owner.execute("DROP INDEX strategy.users_by_created_at")
    async with care_session(owner_url, "before") as before, care_session(owner_url, "writer") as writer:
        transaction = before.transaction()
        await transaction.start()
        await before.execute(USERS.replace("same", "before").replace("(1, 2)", "(1, 1)"))
        building = asyncio.create_task(build(owner))
        await eventually(lambda: is_made(owner_url, "users_by_created_at"))
        await writer.execute(USERS.replace("same", "meanwhile").replace("(1, 2)", "(1, 1)"))
        assert not building.done()
        await transaction.commit()
        assert (await building)[0] == 1
    assert await all_are_valid(owner)


async def is_made(url: str, name: str) -> bool:
    """Say whether an index is being made now."""
    query = "SELECT count(*) FROM pg_stat_progress_create_index WHERE index_relid = to_regclass('strategy.' || $1)"
    return bool(await ask(url, query, name))


async def test_an_interruption_leaves_what_the_next_run_mends(owner: Connection, owner_url: str) -> None:
    """Its process is ended by force while it makes one: an index without use is left, and no lock."""
    await owner.execute("DROP INDEX strategy.users_by_created_at")
    async with care_session(owner_url, "before") as before, care_session(owner_url, "killed") as killed:
        transaction = before.transaction()
        await transaction.start()
        await before.execute(USERS.replace("(1, 2)", "(1, 1)"))
        building = asyncio.create_task(build(killed))
        await eventually(lambda: is_made(owner_url, "users_by_created_at"))
        with pytest.raises(Conflict, match="Somebody else"):
            await build(owner)
        await owner.fetchval("SELECT pg_terminate_backend($1)", killed.get_server_pid())
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await building
        await transaction.rollback()
    assert (await described(owner))["users_by_created_at"].condition == "invalid"
    made, steps = await build(owner)
    assert made == 1
    assert steps[0] == "dropping strategy.users_by_created_at, which was left half-made"
    assert await all_are_valid(owner)


async def test_what_somebody_makes_by_hand_is_not_dropped(owner: Connection, plain: Connection, owner_url: str) -> None:
    """While it is made it looks like what an interruption leaves, and is not told as that."""
    await owner.execute("DROP INDEX strategy.users_by_created_at")
    async with care_session(owner_url, "before") as before, care_session(owner_url, "hand") as hand:
        transaction = before.transaction()
        await transaction.start()
        await before.execute(USERS.replace("(1, 2)", "(1, 1)"))
        by_hand = asyncio.create_task(
            hand.execute("CREATE INDEX CONCURRENTLY users_by_created_at ON strategy.users (created_at, id)")
        )
        await eventually(lambda: is_made(owner_url, "users_by_created_at"))
        for looking in (owner, plain):
            assert (await described(looking))["users_by_created_at"].hints == [NOT_DONE]
        with pytest.raises(CannotBuild, match="being made by somebody else"):
            await asyncio.wait_for(build(owner), allowed(10))
        await transaction.rollback()
        await by_hand
    assert await build(owner) == (0, [])


async def test_nobody_queues_for_long_behind_a_constraint(
    owner: Connection, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that stays open holds it up: it gives up, and goes on from there the next time."""
    monkeypatch.setattr(building, "SWAP_LOCK_SECONDS", 0.01)
    await owner.execute("ALTER TABLE strategy.strategy_versions DROP CONSTRAINT strategy_versions_pkey")
    async with care_session(owner_url, "holder") as holder, holder.transaction():
        await holder.execute("LOCK TABLE strategy.strategy_versions IN ACCESS SHARE MODE")
        with pytest.raises(CannotBuild, match="was tried 5 times"):
            await build(owner)
    assert await build(owner) == (1, [])
    assert await all_are_valid(owner)


async def test_one_at_a_time(owner: Connection, owner_url: str) -> None:
    """On a schema of a database; on another there may be one as well. Whoever is gone holds up nobody."""
    async with care_session(owner_url, "first") as first:
        async with alone_on(first, "strategy"):
            with pytest.raises(Conflict, match="the schema strategy now"):
                await build(owner)
            async with alone_on(owner, "backtest"):
                pass
        assert await build(owner) == (0, [])

"""Explaining a query, and nothing besides."""

import asyncpg
import pytest

from shared.contracts.errors import Invalid
from shared.runtime.care.explain import explain
from shared.runtime.care.session import Connection

pytestmark = pytest.mark.integration


async def plan(connection: Connection, query: str, *, analyze: bool = False, seconds: float = 5.0) -> str:
    """Return the plan as one text."""
    return "\n".join(await explain(connection, "strategy", query, analyze=analyze, seconds=seconds))


async def test_a_plan_is_shown_without_running_the_query(owner: Connection) -> None:
    """With the names of the service's schema."""
    shown = await plan(owner, "SELECT * FROM users WHERE lower(email) = 'a' OR pg_sleep(60) IS NULL", seconds=1.0)
    assert "on users" in shown
    assert "actual" not in shown


async def test_it_is_run_when_that_is_asked_for(owner: Connection) -> None:
    """With its times, and the blocks that it read."""
    shown = await plan(owner, "-- all\nWITH a AS (SELECT * FROM users) SELECT count(*) FROM a, pg_class", analyze=True)
    assert "actual time" in shown
    assert "Buffers: shared hit" in shown


@pytest.mark.parametrize(
    "query", ["(SELECT 1)", "VALUES (1)", "TABLE users", "/* why */ select 1", "  ( ( SELECT 1 ) )"]
)
async def test_every_form_of_a_select(owner: Connection, query: str) -> None:
    """However it begins."""
    assert await plan(owner, query, analyze=True)


async def test_a_query_with_parameters_is_planned_for_any_values(owner: Connection) -> None:
    """As slow queries are shown; it cannot be run."""
    assert "$1" in await plan(owner, "SELECT * FROM users WHERE lower(email) = $1 LIMIT $2")
    with pytest.raises(Invalid, match="write values in their places"):
        await plan(owner, "SELECT * FROM users WHERE lower(email) = $1", analyze=True)


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM users",
        "UPDATE users SET name = ''",
        "CREATE TABLE t AS SELECT 1",
        "ANALYZE",
        "EXPLAIN SELECT 1",
        "EXECUTE p",
        "ANALYZE DELETE FROM users",
        "(ANALYZE) DELETE FROM users",
        "",
        "SELECT 1; DELETE FROM users",
        "SELECT 1; COMMIT; DELETE FROM users",
        "WITH gone AS (DELETE FROM users RETURNING *) SELECT * FROM gone",
        "SELECT * FROM users FOR UPDATE",
        "SELECT 1 INTO t",
        "SELECT nextval('outbox_id_seq')",
        "SELECT set_config('transaction_read_only', 'off', true), nextval('outbox_id_seq')",
        "SELECT query_to_xml('DELETE FROM strategy.users', true, true, '')",
        "SELECT * FROM no_such_table",
        "SELECT $1, nonsense(",
    ],
)
@pytest.mark.parametrize("analyze", [False, True])
async def test_nothing_else_is_explained(owner: Connection, query: str, analyze: bool) -> None:
    """Each is refused with what is wrong, or planned only; nothing is changed, and the connection goes on."""
    await owner.execute("""
        SET aurelius.announces = on;
        INSERT INTO strategy.users VALUES (gen_random_uuid(), 'e', 'n', 'user', true, '', now())
    """)
    planned_only = not analyze and query.startswith(("SELECT nextval", "SELECT set_config", "SELECT query_to_xml"))
    if planned_only:
        await plan(owner, query)
    else:
        with pytest.raises(Invalid):
            await plan(owner, query, analyze=analyze)
    assert await owner.fetchval("SELECT count(*) FROM strategy.users WHERE name = 'n'") == 1
    assert await owner.fetchval("SELECT to_regclass('strategy.t') IS NULL AND NOT pg_is_in_recovery()")
    assert await owner.fetchval("SELECT last_value = 1 AND NOT is_called FROM strategy.outbox_id_seq")
    assert await owner.fetchval("SHOW transaction_read_only") == "off"


async def test_it_takes_no_longer_than_it_may(owner: Connection) -> None:
    """And what it was given holds for it alone."""
    with pytest.raises(asyncpg.QueryCanceledError):
        await plan(owner, "SELECT pg_sleep(60)", analyze=True, seconds=0.05)
    assert await owner.fetchval("SHOW statement_timeout") == "0"

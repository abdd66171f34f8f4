"""What is told of tables."""

import pytest

from shared.contracts.database_messages import TableState
from shared.runtime.care import spare, tables
from shared.runtime.care.session import Connection
from shared.runtime.care.tables import count_rows, describe_tables, identifiers
from tests.databases import ask

pytestmark = pytest.mark.integration

FILL = """
SET aurelius.announces = on;
INSERT INTO strategy.users VALUES (gen_random_uuid(), 'e', 'n', 'user', true, '', now());
INSERT INTO strategy.strategies
SELECT gen_random_uuid(), u.id, 'name ' || n,
       (SELECT string_agg(md5(n::text || i::text), '') FROM generate_series(1, 200) AS i), '{}', '', 1, 1,
       'draft', now(), now()
FROM strategy.users AS u, generate_series(1, 3000) AS n
"""


async def described(connection: Connection, name: str = "strategies") -> TableState:
    """Return one table of the strategy service."""
    (found,) = [table for table in await describe_tables(connection, ["strategy"]) if table.name == name]
    return found


async def test_sizes_are_those_of_postgres(owner: Connection, owner_url: str) -> None:
    """Of the rows, of what is too long for them, of the indexes, and of all; the largest table comes first."""
    await owner.execute(FILL)
    table = await described(owner)
    sizes = [
        await ask(owner_url, f"SELECT {function}({argument})")
        for function, argument in [
            ("pg_total_relation_size", "'strategy.strategies'"),
            ("pg_relation_size", "'strategy.strategies'"),
            ("pg_indexes_size", "'strategy.strategies'"),
            (
                "pg_total_relation_size",
                "(SELECT reltoastrelid FROM pg_class WHERE oid = 'strategy.strategies'::regclass)",
            ),
        ]
    ]
    assert [table.total_bytes, table.table_bytes, table.index_bytes, table.toast_bytes] == sizes
    assert all(isinstance(number, int) and number > 100_000 for number in sizes)
    both = await describe_tables(owner, ["strategy", "backtest"])
    assert both[0].name == "strategies"
    assert [each.total_bytes for each in both] == sorted((each.total_bytes for each in both), reverse=True)
    assert {each.schema for each in both} == {"strategy", "backtest"}


async def test_rows_are_estimated_or_counted(owner: Connection, plain: Connection) -> None:
    """An estimate is none before the first ANALYZE, which is told; a count is exact. A service's role sees the same."""
    await owner.execute(FILL)
    before = await described(plain)
    assert before.rows_estimate is None
    assert before.hints == ["the planner knows nothing of it: analyze it"]
    await owner.execute("ANALYZE strategy.strategies")
    after = await described(plain)
    assert (after.rows_estimate, after.rows, after.changed_rows, after.hints) == (3000, None, 0, [])
    assert after.analyzed_at is not None
    assert await described(owner) == after
    names = await identifiers(plain, "strategy")
    assert await count_rows(plain, names["strategies"]) == 3000
    assert list(names)[-1] == "strategies"


async def test_a_name_is_no_statement(owner: Connection) -> None:
    """Whatever a table is called, it is quoted by the server."""
    await owner.execute('CREATE TABLE strategy."x; DROP TABLE strategy.users --" (n int)')
    names = await identifiers(owner, "strategy")
    assert await count_rows(owner, names["x; DROP TABLE strategy.users --"]) == 0
    assert await owner.fetchval("SELECT to_regclass('strategy.users') IS NOT NULL")


async def test_dead_rows_are_pointed_at(owner: Connection) -> None:
    """When there are more than autovacuum leaves; vacuumed, there are none."""
    await owner.execute("ALTER TABLE strategy.strategies SET (autovacuum_enabled = false)")
    await owner.execute(FILL)
    await owner.execute("ANALYZE strategy.strategies")
    await owner.execute("DELETE FROM strategy.strategies WHERE name LIKE '%1%'")
    await owner.fetchval("SELECT pg_stat_force_next_flush()")
    table = await described(owner)
    assert table.dead_rows > tables.DEAD_ROWS
    assert table.hints[0].endswith("vacuum it, and look for a transaction that stays open")
    await owner.execute("VACUUM (ANALYZE) strategy.strategies")
    table = await described(owner)
    assert (table.dead_rows, table.hints) == (0, [])
    assert table.vacuumed_at is not None


async def test_spare_room_is_estimated(owner: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a table just written there is hardly any, of one whose rows went most of it; small ones are not told of."""
    monkeypatch.setattr(spare, "SPARE_BYTES", 2**16)
    await owner.execute("CREATE TABLE strategy.wide (n int, a text) WITH (autovacuum_enabled = false)")
    await owner.execute("INSERT INTO strategy.wide SELECT n, repeat('x', 100) FROM generate_series(1, 20000) AS n")
    await owner.execute("VACUUM (ANALYZE) strategy.wide")
    table = await described(owner, "wide")
    assert table.spare_bytes_estimate is not None
    assert table.spare_bytes_estimate < 0.05 * table.table_bytes
    assert table.hints == []
    await owner.execute("DELETE FROM strategy.wide WHERE n % 10 > 0")
    await owner.execute("VACUUM (ANALYZE) strategy.wide")
    table = await described(owner, "wide")
    assert table.spare_bytes_estimate is not None
    assert 0.85 < table.spare_bytes_estimate / table.table_bytes < 0.95
    assert "only VACUUM FULL" in table.hints[0]

"""What a service tells of its pool and of Postgres."""

import pytest

from shared.contracts.errors import Unavailable
from shared.contracts.timings import TimingBatch
from shared.runtime.database import Database
from shared.runtime.database_figures import DatabaseFigures, report_pool
from shared.runtime.settings import DatabaseSettings
from shared.runtime.timings import Timings

pytestmark = pytest.mark.integration


@pytest.fixture
def timings() -> Timings:
    """Those of a strategy service."""
    return Timings("strategy", "strategy-1")


def gauges_of(batch: TimingBatch) -> dict[tuple[str, ...], float]:
    """Return what a batch tells, by name and labels."""
    return {(gauge.name, *gauge.labels.values()): gauge.value for gauge in batch.gauges}


def counts_of(batch: TimingBatch) -> dict[str, int]:
    """Return how often each histogram was observed."""
    return {series.name: sum(series.counts) for series in batch.histograms}


async def test_a_connection_is_used_while_it_is_lent(database: Database, timings: Timings) -> None:
    """And idle before and after; the limit is that of the pool."""
    report_pool(timings, database)
    async with database.reading():
        used = gauges_of(timings.batch())
    idle = gauges_of(timings.batch())
    name = "database_pool_connections"
    assert (used[name, "used"], idle[name, "used"]) == (1, 0)
    assert used[name, "used"] + used[name, "idle"] == idle[name, "idle"]
    assert used["database_pool_limit",] == idle["database_pool_limit",] >= 1


async def test_waiting_for_a_connection_and_holding_it_are_measured(database: Database, timings: Timings) -> None:
    """Once each use, whether it is a statement or a transaction, and whether it ends well."""
    report_pool(timings, database)
    async with database.reading() as connection:
        await connection.execute("SELECT pg_sleep(0.02)")
    with pytest.raises(RuntimeError):
        async with database.transaction():
            raise RuntimeError
    batch = timings.batch()
    assert counts_of(batch) == {"database_pool_wait": 2, "stage_duration": 2}
    (held,) = (series for series in batch.histograms if series.name == "stage_duration")
    assert held.labels == {"stage": "database"}
    assert 0.02 <= held.total < 5


async def test_one_that_is_not_had_is_waited_for_too(timings: Timings) -> None:
    """Nothing is held then."""
    away = Database(DatabaseSettings(database_url="postgresql://127.0.0.1:1/nowhere"), "strategy")
    report_pool(timings, away)
    with pytest.raises(Unavailable):
        async with away.reading():
            pass
    gauges = gauges_of(timings.batch())
    assert (gauges["database_pool_connections", "used"], gauges["database_pool_connections", "idle"]) == (0, 0)


async def test_postgres_tells_sizes_rows_and_connections(database: Database, timings: Timings) -> None:
    """Of the database, and of each table of the service's own schema."""
    figures = DatabaseFigures(database, timings)
    assert gauges_of(timings.batch()) == {}
    await figures.read()
    gauges = gauges_of(timings.batch())
    assert 1 <= gauges["database_connections",] <= gauges["database_connections_limit",]
    assert gauges["database_size_bytes",] > 1_000_000
    assert gauges["database_table_size_bytes", "outbox"] > 0
    assert gauges["database_table_rows", "outbox"] == gauges["database_table_dead_rows", "outbox"] == 0
    tables = {labels[1] for labels in gauges if labels[0] == "database_table_rows"}
    async with database.reading() as connection:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'strategy'")
    assert tables == {row["tablename"] for row in rows}


async def test_a_database_that_is_away_tells_nothing(database: Database, timings: Timings) -> None:
    """What it told before is no figure of now."""
    figures = DatabaseFigures(database, timings)
    assert await figures.read()
    await database.close()
    assert not await figures.read()
    assert gauges_of(timings.batch()) == {}

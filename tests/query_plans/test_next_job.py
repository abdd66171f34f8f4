"""Taking the next job costs the same however many jobs wait, and however many owners."""

import asyncpg
import pytest

from bench.query_plans.plan import Reading
from bench.query_plans.query import Query, Trial, measure
from bench.query_plans.statements_of_backtest import NEXT_JOB_ROWS
from services.backtest.jobs import NOBODY
from services.backtest.store.jobs import Kind
from services.backtest.store.next_job import take_next_job
from shared.runtime.database import Connection
from tests.databases import connected, execute

pytestmark = pytest.mark.integration

_WAITING = """
INSERT INTO backtest.jobs (subject, kind, owner_id, urgency, created_at, traceparent)
SELECT md5($1 || n)::uuid, 'backtest', md5($1 || n % $2::integer)::uuid, 0, now() + n * interval '1 s', ''
FROM generate_series(1, $3::integer) AS n
"""
_AT_WORKERS = """
UPDATE backtest.jobs SET lease_until = now() + interval '1 hour', lease = 1 WHERE subject IN (
    SELECT DISTINCT ON (owner_id) subject FROM backtest.jobs
    WHERE lease_until IS NULL ORDER BY owner_id, created_at LIMIT $1
)
"""
PAGES = 60
FEW = 1_000


async def take(connection: Connection) -> None:
    """Take one."""
    assert await take_next_job(connection, list(Kind), NOBODY) is not None


async def reading(url: str, waiting: int, *, owners: int, analyze: bool) -> list[Reading]:
    """What it takes with so many jobs of one owner's waiting, one of each of `owners` others, and eight at workers."""
    # Not by way of the service, which gives no statement the time that a hundred thousand rows may take.
    filling = await asyncpg.connect(url)
    await filling.execute(_WAITING, "one", 1, waiting)
    await filling.execute(_WAITING, "another", owners, owners)
    await filling.execute(_AT_WORKERS, 7)
    await filling.close()
    async with connected(url, "backtest") as database:
        async with database.reading() as connection:
            # The eighth. It finds the entries that lead nowhere any more, which is noted in the index.
            await take(connection)
        if analyze:
            await execute(url, "ANALYZE backtest.jobs")
        result = await measure(database, Query("next", "backtest", frozenset(), [Trial(take, rows=NEXT_JOB_ROWS)]))
    return [found for _, found in result.readings]


@pytest.mark.parametrize("analyze", [False, True])
@pytest.mark.parametrize(("waiting", "owners"), [(1_000, 20), (100_000, 20), (1_000, 2_000)])
async def test_it_reads_a_few_rows(owner_url: str, waiting: int, owners: int, *, analyze: bool) -> None:
    """Of a hundred thousand jobs as of a thousand: a few for each worker, whatever the planner knows.

    Where it knows nothing it may read a table of a dozen pages whole, which takes no longer.
    """
    for found in await reading(owner_url, waiting, owners=owners, analyze=analyze):
        assert found.rows <= (NEXT_JOB_ROWS if analyze or waiting > FEW else FEW + 2 * owners)
        assert found.buffers <= PAGES

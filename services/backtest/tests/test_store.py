"""The lists' statements: an order that no index serves gets slower with every row."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from services.backtest.store.backtests import list_backtests
from services.backtest.store.datasets import list_datasets
from shared.contracts.ids import new_id
from shared.contracts.messages import ListBacktests, ListDatasets
from shared.runtime.database import Connection, Database

pytestmark = pytest.mark.integration

_DATASETS = """
INSERT INTO datasets
SELECT gen_random_uuid(), $1, 'n', 's', '1d', 'UTC', 2, now(), now() + interval '1 day', repeat('0', 64), 0, 0, 0,
       now() - make_interval(secs => n)
FROM generate_series(1, 3000) AS n
"""

_BACKTESTS = """
INSERT INTO backtests (id, owner_id, strategy_id, dataset_id, spec, run_identity, status, error, metrics, final_value,
                       total_return, sharpe, result_digest, result_key, created_at)
SELECT gen_random_uuid(), $1, gen_random_uuid(), (SELECT id FROM datasets OFFSET n % 3000 LIMIT 1), '{}',
       '{"spec_hash": "", "params": {}, "dataset_sha256": "", "start": null, "end": null, "execution": {},
         "engine_version": 1}',
       CASE n % 10 WHEN 0 THEN 'queued' WHEN 1 THEN 'failed' ELSE 'succeeded' END, '', '{}', random(), random(),
       CASE WHEN n % 7 > 0 THEN random() END, '', '', now() - make_interval(secs => n)
FROM generate_series(1, 5000) AS n
"""


class Explaining:
    """A connection that keeps the plan of what it fetches."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.plan = ""

    async def fetch(self, query: str, *args: object) -> Sequence[asyncpg.Record]:
        """Fetch, and explain."""
        rows = await self._connection.fetch(f"EXPLAIN {query}", *args)
        self.plan = "\n".join(row[0] for row in rows)
        return await self._connection.fetch(query, *args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


async def test_every_order_has_its_index(database: Database) -> None:
    """Each list, first page and later ones, walks an index in its own order, whatever else is in the table."""
    owner = new_id()
    async with database.reading() as connection:
        for account in (owner, new_id()):
            await connection.execute(_DATASETS, account)
            await connection.execute(_BACKTESTS, account)
        await connection.execute("ANALYZE")
        strategy = await connection.fetchval("SELECT strategy_id FROM backtests WHERE owner_id = $1 LIMIT 1", owner)
        dataset = await connection.fetchval("SELECT dataset_id FROM backtests WHERE owner_id = $1 LIMIT 1", owner)
        explaining = Explaining(connection)
        orders: tuple[tuple[dict[str, Any], str], ...] = (
            ({}, "backtests_by_created_at"),
            ({"sort": "created_at"}, "backtests_by_created_at"),
            ({"status": "queued"}, "backtests_by_status"),
            ({"strategy_id": str(strategy)}, "backtests_by_strategy"),
            ({"dataset_id": str(dataset)}, "backtests_by_dataset"),
            ({"sort": "-final_value"}, "backtests_by_final_value"),
            ({"sort": "final_value"}, "backtests_by_final_value"),
            ({"sort": "-total_return"}, "backtests_by_total_return"),
            ({"sort": "-sharpe"}, "backtests_by_sharpe"),
            ({"sort": "sharpe"}, "backtests_by_sharpe_rising"),
        )
        for fields, index in orders:
            page, _ = await list_backtests(explaining, owner, ListBacktests(limit=20, **fields))
            assert f" {index} " in explaining.plan, explaining.plan
            assert "Seq Scan on backtests" not in explaining.plan
            if page.next_cursor is not None:
                asked = ListBacktests(limit=20, cursor=page.next_cursor, **fields)
                await list_backtests(explaining, owner, asked)
                assert f" {index} " in explaining.plan, explaining.plan
        await list_datasets(explaining, owner, ListDatasets(limit=20))
        assert " datasets_by_created_at " in explaining.plan

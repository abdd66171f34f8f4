"""The table of backtests, as their owners see it."""

from collections.abc import Mapping

import msgspec

from services.backtest.store.pages import page_query
from shared.contracts.messages import ListBacktests
from shared.contracts.objects import backtest_object, backtests_object
from shared.contracts.values import Backtest, BacktestPage, JsonObject
from shared.runtime.database import Connection
from shared.runtime.keyset import Keyset, SortKey

_COLUMNS = """id, status, progress, owner_id, strategy_id, strategy_version, dataset_id, run_identity, result_digest,
       false AS reused, metrics, warmup_bars, warnings, error, created_at, started_at, finished_at, revision,
       final_value, sharpe, total_return"""

_SORT_KEYS = {
    "created_at": SortKey("created_at", "timestamptz"),
    "final_value": SortKey("final_value", "float8"),
    "total_return": SortKey("total_return", "float8"),
    "sharpe": SortKey("sharpe", "float8", nullable=True),
}

_INSERT = """
INSERT INTO backtests (id, owner_id, strategy_id, strategy_version, dataset_id, spec, run_identity, warmup_bars,
                       warnings, status, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

_READ = f"""
SELECT {_COLUMNS}, result_key, coalesce(o.version, 0) AS object_version
FROM backtests LEFT JOIN object_version AS o ON o.object = $3
WHERE id = $1 AND owner_id = $2
"""  # noqa: S608  # our own columns


class Stored(msgspec.Struct, frozen=True):
    """A backtest, its object version, and where its result is kept (empty while it has none)."""

    backtest: Backtest
    version: int
    result_key: str


async def insert_backtest(connection: Connection, backtest: Backtest, spec: JsonObject) -> None:
    """Store a queued run with the spec it runs, which outlives the strategy it came from."""
    await connection.execute(
        _INSERT,
        backtest.id,
        backtest.owner_id,
        backtest.strategy_id,
        backtest.strategy_version,
        backtest.dataset_id,
        spec,
        backtest.run_identity,
        backtest.warmup_bars,
        backtest.warnings,
        backtest.status,
        backtest.created_at,
    )


async def read_backtest(connection: Connection, backtest_id: str, owner_id: str) -> Stored | None:
    """Return an owner's run."""
    row = await connection.fetchrow(_READ, backtest_id, owner_id, backtest_object(backtest_id))
    return None if row is None else Stored(_backtest(dict(row)), row["object_version"], row["result_key"] or "")


async def list_backtests(connection: Connection, owner_id: str, asked: ListBacktests) -> tuple[BacktestPage, int]:
    """Return a page of an owner's runs and the object version of the whole list. Raises Malformed."""
    filters = [owner_id, asked.status, asked.strategy_id, asked.dataset_id]
    keyset = Keyset(_SORT_KEYS, asked.sort, filters)
    arguments: list[object] = [backtests_object(owner_id), owner_id]
    conditions = ["owner_id = $2", keyset.after(asked.cursor, arguments)]
    for column in ("status", "strategy_id", "dataset_id"):
        if (wanted := getattr(asked, column)) is not None:
            arguments.append(wanted)
            conditions.append(f"{column} = ${len(arguments)}")
    if keyset.name != "created_at":
        conditions.append("status = 'succeeded'")
    arguments.append(asked.limit + 1)
    query = page_query("backtests", _COLUMNS, conditions, keyset, limit=len(arguments))
    rows = await connection.fetch(query, *arguments)
    found = [dict(row) for row in rows if row["id"] is not None]
    page = BacktestPage(
        items=[_backtest(row) for row in found[: asked.limit]], next_cursor=keyset.next_cursor(found, asked.limit)
    )
    return page, rows[0]["object_version"]


def _backtest(row: Mapping[str, object]) -> Backtest:
    return msgspec.convert(row, Backtest)

"""The table of backtests, as their owners see it."""

from collections.abc import Mapping

import asyncpg
import msgspec

from shared.contracts.errors import NotFound
from shared.contracts.messages import ListBacktests
from shared.contracts.objects import backtest_object, backtests_object
from shared.contracts.values import Backtest, BacktestPage, JsonObject
from shared.runtime.database import Connection
from shared.runtime.keyset import Keyset, SortKey
from shared.runtime.page_query import PageQuery

_COLUMNS = """id, status, progress, owner_id, strategy_id, strategy_version, dataset_id, run_identity, result_digest,
       reused, metrics, warmup_bars, warnings, error, created_at, started_at, finished_at, verification, revision,
       final_value, sharpe, total_return"""

_SORT_KEYS = {
    "created_at": SortKey("created_at", "timestamptz"),
    "final_value": SortKey("final_value", "float8"),
    "total_return": SortKey("total_return", "float8"),
    "sharpe": SortKey("sharpe", "float8", nullable=True),
}

_INSERT = """
INSERT INTO backtests (id, owner_id, strategy_id, strategy_version, dataset_id, spec, run_identity, warmup_bars,
                       warnings, status, created_at, identity_digest)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
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


async def insert_backtest(connection: Connection, backtest: Backtest, spec: JsonObject, identity_digest: str) -> None:
    """Store a queued run with the spec it runs, which outlives the strategy it came from.

    Raises NotFound when its dataset has been deleted since it was read.
    """
    try:
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
            identity_digest,
        )
    except asyncpg.ForeignKeyViolationError as error:
        raise NotFound("There is no such dataset any more; upload it again") from error


async def read_backtest(connection: Connection, backtest_id: str, owner_id: str) -> Stored | None:
    """Return an owner's run."""
    row = await connection.fetchrow(_READ, backtest_id, owner_id, backtest_object(backtest_id))
    return None if row is None else Stored(_backtest(dict(row)), row["object_version"], row["result_key"] or "")


async def list_backtests(connection: Connection, owner_id: str, asked: ListBacktests) -> tuple[BacktestPage, int]:
    """Return a page of an owner's runs and the object version of the whole list. Raises Malformed."""
    by_metric = asked.sort.removeprefix("-") != "created_at"
    wanted = {
        "strategy_id": asked.strategy_id,
        "dataset_id": asked.dataset_id,
        "owner_id": owner_id,
        "status": None if by_metric else asked.status,
    }
    scope = {column: value for column, value in wanted.items() if value is not None}
    query = PageQuery(backtests_keyset(owner_id, asked), backtests_object(owner_id), asked.cursor, asked.limit)
    condition = "TRUE"
    if by_metric:
        # Which only runs that succeeded have.
        condition = "final_value IS NOT NULL" if asked.status in {None, "succeeded"} else "FALSE"
    page = await query.fetch(connection, query.walk("backtests", _COLUMNS, scope, condition=condition))
    items = [_backtest(row) for row in page.rows]
    return BacktestPage(items=items, next_cursor=page.next_cursor), page.version


def backtests_keyset(owner_id: str, asked: ListBacktests) -> Keyset:
    """Return the order of an owner's runs as asked for; its cursors are no other list's."""
    return Keyset(_SORT_KEYS, asked.sort, [owner_id, asked.status, asked.strategy_id, asked.dataset_id])


def _backtest(row: Mapping[str, object]) -> Backtest:
    return msgspec.convert(row, Backtest)

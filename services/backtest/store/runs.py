"""The table of backtests as workers see it: what is to be run, and how a run ended.

A statement that ends a run stands in the transaction that ends its job, which is what keeps a late worker out. It ends
running ones alone: who cancels a run does not wait for a worker that is about to end its job.
"""

from datetime import datetime

import msgspec

from shared.contracts.values import BacktestStatus, Metrics
from shared.runtime.database import Connection


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a run needs; its JSON is as stored, so that one nobody can read stops no other.

    `result_digest` is that of its result, if it has one.
    """

    spec: object
    run_identity: object
    timezone: str
    result_digest: str | None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run that succeeded leaves in its row; `result_key` says where its curve and its trades are kept."""

    metrics: Metrics
    warnings: list[str]
    result_digest: str
    result_key: str


_MARK_RUNNING = """
UPDATE backtests SET status = 'running', started_at = $2, revision = revision + 1
WHERE id = $1 AND status = 'queued' RETURNING id
"""

_READ_TASK = """
SELECT spec, run_identity, d.timezone, result_digest
FROM backtests AS b JOIN datasets AS d ON d.id = b.dataset_id
WHERE b.id = $1 AND status = $2
"""

_SUCCEED = """
UPDATE backtests
SET status = 'succeeded', progress = 1, metrics = $2, final_value = $3, total_return = $4, sharpe = $5, warnings = $6,
    result_digest = $7, result_key = $8, finished_at = $9, revision = revision + 1
WHERE id = $1 AND status = 'running' RETURNING id
"""

_FAIL = """
UPDATE backtests SET status = 'failed', error = $2, finished_at = $3, revision = revision + 1
WHERE id = $1 AND status = 'running' RETURNING id
"""


async def mark_running(connection: Connection, run_id: str, now: datetime) -> bool:
    """Note that a queued run has begun; False when it is not queued."""
    return await connection.fetchval(_MARK_RUNNING, run_id, now) is not None


async def read_task(connection: Connection, run_id: str, status: BacktestStatus) -> Task | None:
    """Return what a run needs; None when it does not have this status."""
    row = await connection.fetchrow(_READ_TASK, run_id, status)
    return None if row is None else msgspec.convert(dict(row), Task)


async def mark_succeeded(connection: Connection, run_id: str, result: Result, now: datetime) -> bool:
    """Store the result; False when somebody has ended the run meanwhile."""
    stored = await connection.fetchval(
        _SUCCEED,
        run_id,
        result.metrics,
        result.metrics["final_value"],
        result.metrics["total_return"],
        result.metrics["sharpe"],
        result.warnings,
        result.result_digest,
        result.result_key,
        now,
    )
    return stored is not None


async def mark_failed(connection: Connection, run_id: str, error: str, now: datetime) -> bool:
    """Store why there is no result; False when somebody has ended the run meanwhile."""
    return await connection.fetchval(_FAIL, run_id, error, now) is not None

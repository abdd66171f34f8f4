"""The leases of the workers on the table of backtests.

Times of leases are the database's own, so that the workers' clocks need not agree. A worker that took a run is known by
the run's lease number: a statement about a run names it, and does nothing when another worker has taken the run since.
"""

from datetime import datetime

import msgspec

from shared.contracts.values import Metrics
from shared.runtime.database import Connection

# A run whose worker is gone is another's within this and one poll of the workers.
LEASE_SECONDS = 2.5


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the worker that took it knows it; its JSON is as stored, so that one nobody can read stops no other.

    `first` when it waited, and no worker before had started it. `traceparent` is that of the request that asked for it.
    """

    id: str
    owner_id: str
    lease: int
    attempts: int
    first: bool
    spec: object
    run_identity: object
    timezone: str
    traceparent: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run that succeeded leaves in its row; `result_key` says where its curve and its trades are kept."""

    metrics: Metrics
    warnings: list[str]
    result_digest: str
    result_key: str


# A run is free when it waits, and when the worker that took it has let its lease lapse: that one is dead or cut off.
_TAKE = """
WITH free AS (
    SELECT id, status FROM backtests
    WHERE status IN ('queued', 'running') AND (status = 'queued' OR lease_until < clock_timestamp())
    ORDER BY created_at, id LIMIT 1
    FOR UPDATE SKIP LOCKED
)
UPDATE backtests AS b
SET status = 'running', lease = b.lease + 1, attempts = b.attempts + 1,
    lease_until = clock_timestamp() + make_interval(secs => $1),
    started_at = coalesce(b.started_at, $2),
    revision = b.revision + CASE free.status WHEN 'queued' THEN 1 ELSE 0 END
FROM free, datasets AS d
WHERE b.id = free.id AND d.id = b.dataset_id
RETURNING b.id, b.owner_id, b.lease, b.attempts, free.status = 'queued' AS first, b.spec, b.run_identity,
          b.traceparent, d.timezone
"""

_HELD = "WHERE id = $1 AND lease = $2 AND status = 'running'"

_RENEW = f"""
UPDATE backtests SET lease_until = clock_timestamp() + make_interval(secs => $3) {_HELD} RETURNING lease
"""  # noqa: S608  # our own condition

_RELEASE = f"""
UPDATE backtests SET lease_until = clock_timestamp(), attempts = attempts - 1 {_HELD}
"""  # noqa: S608  # our own condition

_SUCCEED = f"""
UPDATE backtests
SET status = 'succeeded', progress = 1, metrics = $3, final_value = $4, total_return = $5, sharpe = $6, warnings = $7,
    result_digest = $8, result_key = $9, finished_at = $10, lease_until = NULL, revision = revision + 1
{_HELD} RETURNING lease
"""  # noqa: S608  # our own condition

_FAIL = f"""
UPDATE backtests
SET status = 'failed', error = $3, finished_at = $4, lease_until = NULL, revision = revision + 1
{_HELD} RETURNING lease
"""  # noqa: S608  # our own condition


_HAS_ENDED = """
SELECT EXISTS (SELECT FROM backtests WHERE id = $1 AND lease = $2 AND status IN ('succeeded', 'failed'))
"""


async def take_free_run(connection: Connection, now: datetime) -> Job | None:
    """Lock and take the run that has been free longest; None when none is."""
    row = await connection.fetchrow(_TAKE, LEASE_SECONDS, now)
    return None if row is None else msgspec.convert(dict(row), Job)


async def renew_lease(connection: Connection, job: Job) -> bool:
    """Hold the run for LEASE_SECONDS more; False when it is another's now."""
    return await connection.fetchval(_RENEW, job.id, job.lease, LEASE_SECONDS) is not None


async def release_run(connection: Connection, job: Job) -> None:
    """Let another worker take the run at once, and do not count this one's attempt."""
    await connection.execute(_RELEASE, job.id, job.lease)


async def mark_succeeded(connection: Connection, job: Job, result: Result, now: datetime) -> bool:
    """Store the result; False, and nothing stored, when the run is another's now."""
    lease = await connection.fetchval(
        _SUCCEED,
        job.id,
        job.lease,
        result.metrics,
        result.metrics["final_value"],
        result.metrics["total_return"],
        result.metrics["sharpe"],
        result.warnings,
        result.result_digest,
        result.result_key,
        now,
    )
    return lease is not None


async def mark_failed(connection: Connection, job: Job, error: str, now: datetime) -> bool:
    """Store why the run has no result; False, and nothing stored, when the run is another's now."""
    return await connection.fetchval(_FAIL, job.id, job.lease, error, now) is not None


async def has_ended(connection: Connection, job: Job) -> bool:
    """Say whether the run has ended under this very lease."""
    return bool(await connection.fetchval(_HAS_ENDED, job.id, job.lease))

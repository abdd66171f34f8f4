"""Runs of one identity: whether its result is there already, and what two runs share."""

from datetime import datetime

from shared.runtime.database import Connection

# The row whose result is taken stays locked until the transaction ends, so that it is not deleted with its files
# meanwhile. The oldest has had most time to be looked at.
_REUSE = """
WITH earlier AS (
    SELECT metrics, final_value, total_return, sharpe, warmup_bars, warnings, result_digest, result_key
    FROM backtests
    WHERE owner_id = (SELECT owner_id FROM backtests WHERE id = $1) AND identity_digest = $2 AND final_value IS NOT NULL
    ORDER BY id LIMIT 1
    FOR SHARE
)
UPDATE backtests AS b
SET status = 'succeeded', progress = 1, reused = true, metrics = e.metrics, final_value = e.final_value,
    total_return = e.total_return, sharpe = e.sharpe, warmup_bars = e.warmup_bars, warnings = e.warnings,
    result_digest = e.result_digest, result_key = e.result_key, started_at = $3, finished_at = $3
FROM earlier AS e
WHERE b.id = $1
RETURNING b.id
"""

_SHARED = """
SELECT EXISTS (
    SELECT FROM backtests
    WHERE owner_id = $1 AND identity_digest = $2 AND final_value IS NOT NULL AND result_key = $3
)
"""


async def reuse_result(connection: Connection, run_id: str, identity_digest: str, now: datetime) -> bool:
    """End a run, stored a moment ago, with the result of an earlier one of its owner's; False when there is none."""
    return await connection.fetchval(_REUSE, run_id, identity_digest, now) is not None


async def is_shared(connection: Connection, owner_id: str, identity_digest: str | None, result_key: str) -> bool:
    """Say whether a run has this result; asked when one that had it is gone."""
    return bool(await connection.fetchval(_SHARED, owner_id, identity_digest, result_key))

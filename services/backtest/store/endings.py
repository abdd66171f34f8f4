"""The table of backtests as their owners end them: cancelled, verified, deleted."""

from datetime import datetime

import msgspec

from shared.contracts.values import BacktestStatus, Verification
from shared.runtime.database import Connection


class Locked(msgspec.Struct, frozen=True):
    """A run, locked until the transaction ends."""

    status: BacktestStatus
    revision: int
    identity_digest: str | None
    result_key: str | None
    engine_version: int
    verification: Verification | None


_LOCK = """
SELECT status, revision, identity_digest, result_key, (run_identity ->> 'engine_version')::integer AS engine_version,
       verification
FROM backtests WHERE id = $1 AND owner_id = $2 FOR UPDATE
"""

_CANCEL = """
UPDATE backtests SET status = 'cancelled', finished_at = $2, revision = revision + 1 WHERE id = $1
"""

_SET_VERIFICATION = """
UPDATE backtests SET verification = $2, revision = revision + 1 WHERE id = $1
"""


async def lock_run(connection: Connection, run_id: str, owner_id: str) -> Locked | None:
    """Return an owner's run."""
    row = await connection.fetchrow(_LOCK, run_id, owner_id)
    return None if row is None else msgspec.convert(dict(row), Locked)


async def mark_cancelled(connection: Connection, run_id: str, now: datetime) -> None:
    """End a run, locked before, without a result."""
    await connection.execute(_CANCEL, run_id, now)


async def set_verification(connection: Connection, run_id: str, verification: Verification) -> None:
    """Store the newest verification of a run, locked before."""
    await connection.execute(_SET_VERIFICATION, run_id, verification)


async def delete_run(connection: Connection, run_id: str) -> None:
    """Delete a run, locked before."""
    await connection.execute("DELETE FROM backtests WHERE id = $1", run_id)

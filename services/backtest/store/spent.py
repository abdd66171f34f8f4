"""Rows that nothing will ask for again: jobs that ended long ago, datasets that were deleted while in use."""

from services.backtest.store.datasets import NOBODY
from shared.runtime.database import Connection

# A sweep that is under way finds its slices' files by their jobs, however long it takes.
_REMOVE_JOBS = """
DELETE FROM jobs WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM jobs AS j
    WHERE ended AND ended_at <= now() - make_interval(secs => $1)
      AND NOT EXISTS (SELECT FROM sweeps WHERE id = j.subject AND status IN ('queued', 'running'))
    ORDER BY ended_at LIMIT $2
    FOR UPDATE SKIP LOCKED
))
"""

# What a run is being created on is somebody's: nobody begins to refer to these.
_REMOVE_DATASETS = f"""
DELETE FROM datasets WHERE id = ANY (ARRAY(
    SELECT id FROM datasets AS d
    WHERE owner_id = '{NOBODY}'
      AND NOT EXISTS (SELECT FROM backtests WHERE dataset_id = d.id)
      AND NOT EXISTS (SELECT FROM sweeps WHERE dataset_id = d.id)
      AND NOT EXISTS (SELECT FROM validations WHERE dataset_id = d.id)
    LIMIT $1
    FOR UPDATE SKIP LOCKED
))
"""  # noqa: S608  # our own


async def remove_ended_jobs(connection: Connection, seconds: float, at_once: int) -> int:
    """Delete jobs that ended so long ago, by the database's clock, `at_once` at most; returns how many."""
    return _count(await connection.execute(_REMOVE_JOBS, seconds, at_once))


async def remove_disowned_datasets(connection: Connection, at_once: int) -> int:
    """Delete datasets that are nobody's, and that nothing refers to any more; returns how many."""
    return _count(await connection.execute(_REMOVE_DATASETS, at_once))


def _count(tag: str) -> int:
    return int(tag.rpartition(" ")[2])

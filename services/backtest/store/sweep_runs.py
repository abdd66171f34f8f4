"""The table of sweeps as workers see it: what is to be computed, how far that is, and how it ended.

A sweep that is not running any more is left as it is by all of these: they say so, and whoever asked drops its work.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from services.backtest.store.jobs import Kind
from shared.contracts.sweep_values import SweepBest
from shared.runtime.database import Connection

# A sweep is told of ten times a second at most, whichever workers are at it.
TOLD_SECONDS = 0.1


class SweepTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep needs; its JSON is as stored, so that one nobody can read stops no other.

    `slices` is None until it is known into how many jobs it is divided.
    """

    spec: object
    run_identity: object
    grid: object
    sample: object
    objective: str
    timezone: str
    combinations: int
    slices: int | None


class SweepEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep that succeeded leaves in its row; `result_key` says where its rows are kept."""

    best: list[SweepBest]
    warnings: list[str]
    result_digest: str
    result_key: str


class Counted(msgspec.Struct, frozen=True):
    """How far a sweep is: the slices that have ended and all of them, its progress, and whether to tell of it.

    `asked_at` is when it was asked for.
    """

    slices_done: int
    slices: int
    progress: float
    to_tell: bool
    asked_at: datetime


class EndedSlice(msgspec.Struct, frozen=True):
    """A slice that is done, and the lease that its file is named by."""

    part: int
    lease: int


_MARK_RUNNING = """
UPDATE sweeps SET status = 'running', started_at = $2, revision = revision + 1
WHERE id = $1 AND status = 'queued' RETURNING id
"""

_READ_TASK = """
SELECT spec, run_identity, grid, sample, objective, d.timezone, combinations, slices
FROM sweeps AS s JOIN datasets AS d ON d.id = s.dataset_id
WHERE s.id = $1 AND status = 'running'
"""

_DIVIDE = "UPDATE sweeps SET slices = $2 WHERE id = $1 AND status = 'running' RETURNING created_at"

# The end takes time as well, as long as a slice may: it is one of the parts that progress counts.
_COUNT = """
UPDATE sweeps AS s
SET done = s.done + $2, slices_done = s.slices_done + 1, progress = (s.slices_done + 1) / (s.slices + 1)::float8,
    told_at = CASE WHEN due.now THEN clock_timestamp() ELSE s.told_at END
FROM (
    SELECT id, coalesce(told_at < clock_timestamp() - make_interval(secs => $3), true) AS now FROM sweeps
    WHERE id = $1 AND status = 'running' FOR UPDATE
) AS due
WHERE s.id = due.id
RETURNING s.slices_done, s.slices, s.progress, due.now AS to_tell, s.created_at AS asked_at
"""

_ENDED_SLICES = "SELECT part, lease FROM jobs WHERE subject = $1 AND kind = $2 AND ended ORDER BY part"

_SUCCEED = """
UPDATE sweeps
SET status = 'succeeded', progress = 1, done = combinations, best = $2, warnings = $3, result_digest = $4,
    result_key = $5, finished_at = $6, revision = revision + 1
WHERE id = $1 AND status = 'running' RETURNING id
"""

_FAIL = """
UPDATE sweeps SET status = 'failed', error = $2, finished_at = $3, revision = revision + 1
WHERE id = $1 AND status = 'running' RETURNING progress
"""

_RESULT_KEY = "SELECT result_key FROM sweeps WHERE id = $1"


async def mark_sweep_running(connection: Connection, sweep_id: str, now: datetime) -> bool:
    """Note that a queued sweep has begun; False when it is not queued."""
    return await connection.fetchval(_MARK_RUNNING, sweep_id, now) is not None


async def read_sweep_task(connection: Connection, sweep_id: str) -> SweepTask | None:
    """Return what a running sweep needs."""
    row = await connection.fetchrow(_READ_TASK, sweep_id)
    return None if row is None else msgspec.convert(dict(row), SweepTask)


async def divide_sweep(connection: Connection, sweep_id: str, slices: int) -> datetime | None:
    """Note into how many slices a running sweep is divided; return when it was asked for."""
    found: Any = await connection.fetchval(_DIVIDE, sweep_id, slices)
    return None if found is None else msgspec.convert(found, datetime)


async def count_slice(connection: Connection, sweep_id: str, combinations: int) -> Counted | None:
    """Note that one more slice of a running sweep has been computed.

    The row is locked: of two slices that end at the same moment the second one sees the first.
    """
    row = await connection.fetchrow(_COUNT, sweep_id, combinations, TOLD_SECONDS)
    return None if row is None else msgspec.convert(dict(row), Counted)


async def ended_slices(connection: Connection, sweep_id: str) -> Sequence[EndedSlice]:
    """Return the slices that have been computed, in order."""
    rows = await connection.fetch(_ENDED_SLICES, sweep_id, Kind.SWEEP_SLICE)
    return [msgspec.convert(dict(row), EndedSlice) for row in rows]


async def mark_sweep_succeeded(connection: Connection, sweep_id: str, end: SweepEnd, now: datetime) -> bool:
    """Store how a running sweep ended."""
    found = await connection.fetchval(
        _SUCCEED, sweep_id, end.best, end.warnings, end.result_digest, end.result_key, now
    )
    return found is not None


async def mark_sweep_failed(connection: Connection, sweep_id: str, error: str, now: datetime) -> float | None:
    """Store why a running sweep has no results; return how far it was."""
    found: Any = await connection.fetchval(_FAIL, sweep_id, error, now)
    return None if found is None else float(found)


async def result_key_of(connection: Connection, sweep_id: str) -> str | None:
    """Return where a sweep's results are; None when it has none or is gone."""
    found: Any = await connection.fetchval(_RESULT_KEY, sweep_id)
    return None if found is None else str(found)

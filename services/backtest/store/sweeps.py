"""The table of sweeps, as their owners see it."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from shared.contracts.messages import ListSweeps
from shared.contracts.objects import sweep_object, sweeps_object
from shared.contracts.sweep_values import Sweep, SweepPage, SweepSummary
from shared.contracts.values import BacktestStatus, JsonObject
from shared.runtime.database import Connection
from shared.runtime.keyset import Keyset, SortKey
from shared.runtime.page_query import PageQuery

_SUMMARY = """id, status, progress, owner_id, strategy_id, strategy_version, dataset_id, run_identity, objective,
       combinations, done, result_digest, warnings, error, created_at, started_at, finished_at, revision"""

_SORT_KEYS = {"created_at": SortKey("created_at", "timestamptz")}

_INSERT = """
INSERT INTO sweeps (id, owner_id, strategy_id, strategy_version, dataset_id, spec, run_identity, grid, sample,
                    objective, status, combinations, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""

_READ = f"""
SELECT {_SUMMARY}, grid, sample, coalesce(best, '[]') AS best, result_key,
       coalesce(o.version, 0) AS object_version
FROM sweeps LEFT JOIN object_version AS o ON o.object = $3
WHERE id = $1 AND owner_id = $2
"""  # noqa: S608  # our own columns

_LOCK = "SELECT status, revision FROM sweeps WHERE id = $1 AND owner_id = $2 FOR UPDATE"

_CANCEL = "UPDATE sweeps SET status = 'cancelled', finished_at = $2, revision = revision + 1 WHERE id = $1"


class StoredSweep(msgspec.Struct, frozen=True):
    """A sweep, its object version, and where its results are kept (empty while it has none)."""

    sweep: Sweep
    version: int
    result_key: str


class LockedSweep(msgspec.Struct, frozen=True):
    """A sweep, locked until the transaction ends."""

    status: BacktestStatus
    revision: int


async def insert_sweep(connection: Connection, sweep: Sweep, spec: JsonObject) -> None:
    """Store a queued sweep with the spec it runs, which outlives the strategy it came from."""
    await connection.execute(
        _INSERT,
        sweep.id,
        sweep.owner_id,
        sweep.strategy_id,
        sweep.strategy_version,
        sweep.dataset_id,
        spec,
        sweep.run_identity,
        sweep.grid,
        sweep.sample,
        sweep.objective,
        sweep.status,
        sweep.combinations,
        sweep.created_at,
    )


async def read_sweep(connection: Connection, sweep_id: str, owner_id: str) -> StoredSweep | None:
    """Return an owner's sweep."""
    row = await connection.fetchrow(_READ, sweep_id, owner_id, sweep_object(sweep_id))
    if row is None:
        return None
    return StoredSweep(msgspec.convert(dict(row), Sweep), row["object_version"], row["result_key"] or "")


async def list_sweeps(connection: Connection, owner_id: str, asked: ListSweeps) -> tuple[SweepPage, int]:
    """Return a page of an owner's sweeps and the object version of the whole list. Raises Malformed."""
    wanted = {
        "strategy_id": asked.strategy_id,
        "dataset_id": asked.dataset_id,
        "owner_id": owner_id,
        "status": asked.status,
    }
    scope = {column: value for column, value in wanted.items() if value is not None}
    query = PageQuery(sweeps_keyset(owner_id, asked), sweeps_object(owner_id), asked.cursor, asked.limit)
    page = await query.fetch(connection, query.walk("sweeps", _SUMMARY, scope))
    return SweepPage(items=[_summary(row) for row in page.rows], next_cursor=page.next_cursor), page.version


def sweeps_keyset(owner_id: str, asked: ListSweeps) -> Keyset:
    """Return the order of an owner's sweeps, the newest first; its cursors are no other list's."""
    return Keyset(_SORT_KEYS, "-created_at", [owner_id, asked.status, asked.strategy_id, asked.dataset_id])


async def lock_sweep(connection: Connection, sweep_id: str, owner_id: str) -> LockedSweep | None:
    """Return an owner's sweep, locked."""
    row = await connection.fetchrow(_LOCK, sweep_id, owner_id)
    return None if row is None else msgspec.convert(dict(row), LockedSweep)


async def cancel_sweep(connection: Connection, sweep_id: str, now: datetime) -> None:
    """End a sweep, locked before, without results."""
    await connection.execute(_CANCEL, sweep_id, now)


async def delete_sweep(connection: Connection, sweep_id: str) -> None:
    """Delete a sweep, locked before."""
    await connection.execute("DELETE FROM sweeps WHERE id = $1", sweep_id)


def _summary(row: Mapping[str, object]) -> SweepSummary:
    return msgspec.convert(row, SweepSummary)

"""What the backtest service does with a single sweep, and with its jobs."""

from datetime import UTC, datetime

from bench.query_plans.population import BIGGEST
from bench.query_plans.query import VERSION, Query, Trial, Use
from services.backtest.store.jobs import drop_unlocked_jobs
from services.backtest.store.sweep_runs import (
    SweepEnd,
    count_slice,
    divide_sweep,
    ended_slices,
    mark_sweep_failed,
    mark_sweep_running,
    mark_sweep_succeeded,
    read_sweep_task,
    result_key_of,
)
from services.backtest.store.sweeps import cancel_sweep, delete_sweep, list_sweeps, lock_sweep, read_sweep
from shared.contracts.messages import ListSweeps
from shared.runtime.database import Connection

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_SWEEP, _DATASET, _JOB = "sweeps_pkey", "datasets_pkey", "jobs_pkey"
_END = SweepEnd(best=[], warnings=[], result_digest="", result_key="")


async def queries(connection: Connection) -> list[Query]:
    """Return one query for each of them."""
    page, _ = await list_sweeps(connection, BIGGEST, ListSweeps(limit=1))
    sweep = page.items[0].id
    queued = str(await connection.fetchval("SELECT id FROM sweeps WHERE status = 'queued' ORDER BY id LIMIT 1"))
    sliced = str(await connection.fetchval("SELECT subject FROM jobs WHERE kind = 'sweep_slice' LIMIT 1"))

    async def run(connection: Connection) -> None:
        await mark_sweep_running(connection, queued, _NOW)
        await divide_sweep(connection, queued, 3)

    read: dict[str, tuple[Use, set[str], int]] = {
        "a sweep": (lambda c: read_sweep(c, sweep, BIGGEST), {_SWEEP, VERSION}, 2),
        "a sweep, locked": (lambda c: lock_sweep(c, sweep, BIGGEST), {_SWEEP}, 1),
        "where the results of a sweep are": (lambda c: result_key_of(c, sweep), {_SWEEP}, 1),
        "the slices of a sweep that have ended": (lambda c: ended_slices(c, sliced), {_JOB}, 3),
    }
    written: dict[str, tuple[Use, int]] = {
        "a sweep divided into slices": (lambda c: divide_sweep(c, queued, 3), 1),
        "a slice counted": (lambda c: count_slice(c, queued, 1), 2),
        "a sweep succeeded": (lambda c: mark_sweep_succeeded(c, queued, _END, _NOW), 1),
        "a sweep failed": (lambda c: mark_sweep_failed(c, queued, "", _NOW), 1),
    }
    return [
        *(_query(name, indexes, Trial(use, rows=rows)) for name, (use, indexes, rows) in read.items()),
        *(_query(name, {_SWEEP}, Trial(use, rows=rows, writes=1, before=run)) for name, (use, rows) in written.items()),
        _query(
            "what a sweep needs",
            {_SWEEP, _DATASET},
            Trial(lambda c: read_sweep_task(c, queued), rows=2, before=run),
        ),
        _query("a sweep begun", {_SWEEP}, Trial(lambda c: mark_sweep_running(c, queued, _NOW), rows=1, writes=1)),
        _query("a sweep cancelled", {_SWEEP}, Trial(lambda c: cancel_sweep(c, queued, _NOW), rows=1, writes=1)),
        _query("a sweep deleted", {_SWEEP}, Trial(lambda c: delete_sweep(c, queued), rows=1, writes=1)),
        _query(
            "the jobs of a sweep, dropped", {_JOB}, Trial(lambda c: drop_unlocked_jobs(c, sliced), rows=6, writes=3)
        ),
    ]


def _query(name: str, indexes: set[str], trial: Trial) -> Query:
    return Query(name, "backtest", frozenset(indexes), [trial])

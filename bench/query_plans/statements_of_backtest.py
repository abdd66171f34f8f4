"""What the backtest service does besides listing: single runs and datasets, and the queue of the workers."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec

from bench.query_plans.population import BIGGEST, MAIN, SMALL
from bench.query_plans.query import VERSION, Query, Trial, Use
from services.backtest.store.backtests import list_backtests, read_backtest
from services.backtest.store.datasets import content_in_use, read_dataset
from services.backtest.store.endings import lock_run
from services.backtest.store.jobs import (
    Job,
    Kind,
    end_job,
    has_ended,
    release_job,
    renew_lease,
)
from services.backtest.store.next_job import take_care_job, take_next_job
from services.backtest.store.repeated import is_shared, reuse_result
from services.backtest.store.runs import Result, mark_failed, mark_running, mark_succeeded, read_task
from services.backtest.store.unfinished import count_asked_for, count_checks, shares_of_all
from shared.contracts.messages import ListBacktests
from shared.runtime.database import Connection

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_SHA256 = 2 * hashlib.md5(b"7", usedforsecurity=False).hexdigest()  # as rows.py makes it
_RUN, _DATASET, _JOB = "backtests_pkey", "datasets_pkey", "jobs_pkey"
_RESULT = Result(
    metrics={"final_value": 1.0, "total_return": 0.0, "sharpe": None}, warnings=[], result_digest="", result_key=""
)

NEXT_JOB_ROWS = 8 + 9 + 2
"""With jobs of eight at workers: these, nine owners at most, the job and its row to be written."""


async def queries(connection: Connection) -> list[Query]:
    """Return one query for each of them."""
    page, _ = await list_backtests(connection, BIGGEST, ListBacktests(limit=1, sort="-final_value"))
    run = page.items[0].id
    unfinished = msgspec.convert(await connection.fetchval("SELECT count(*) FROM jobs WHERE NOT ended"), int)
    identity = str(await connection.fetchval("SELECT identity_digest FROM backtests WHERE id = $1", run))
    return [
        _query("a run", {_RUN, VERSION}, Trial(lambda c: read_backtest(c, run, BIGGEST), rows=2)),
        _query("a dataset", {_DATASET, VERSION}, Trial(lambda c: read_dataset(c, MAIN, BIGGEST), rows=2)),
        _query(
            "whether bars are a dataset's", {"datasets_by_sha256"}, Trial(lambda c: content_in_use(c, _SHA256), rows=4)
        ),
        # It counts the jobs that workers have: as many as there are workers, and eight of the rows here.
        _query(
            "the job that is next, taken",
            {"jobs_waiting", "jobs_taken", _JOB},
            Trial(lambda c: take_next_job(c, list(Kind), BIGGEST), rows=NEXT_JOB_ROWS, writes=1),
        ),
        _query(
            "house-keeping that is next, taken",
            {"jobs_of_care", _JOB},
            Trial(lambda c: take_care_job(c, list(Kind)), rows=2, writes=1),
        ),
        _query(
            "what is unfinished of an owner's, counted up to 200",
            {"jobs_waiting", "jobs_taken", "sweeps_by_status"},
            Trial(lambda c: count_asked_for(c, SMALL, 200), rows=3 * 200 + 8),
            Trial(lambda c: count_asked_for(c, BIGGEST, 200), rows=3 * 200 + 8),
        ),
        _query(
            "prefix tests that wait of an owner's, counted up to 200",
            {"jobs_waiting", "jobs_taken"},
            Trial(lambda c: count_checks(c, SMALL, 200), rows=200 + 8),
        ),
        _query(
            "what has not ended, counted",
            {"jobs_waiting", "jobs_taken", "jobs_of_care"},
            Trial(shares_of_all, rows=unfinished),
        ),
        _query("a run, locked", {_RUN}, Trial(lambda c: lock_run(c, run, BIGGEST), rows=1)),
        _query(
            "a run of an identity that has a result",
            {"backtests_by_identity", _RUN},
            Trial(lambda c: reuse_result(c, run, identity, _NOW), rows=12, writes=1),
        ),
        _query(
            "whether a result is another run's too",
            {"backtests_by_identity"},
            Trial(lambda c: is_shared(c, BIGGEST, identity, ""), rows=10),
        ),
        *_of_a_taken_job(),
    ]


def _of_a_taken_job() -> list[Query]:
    taken: dict[str, Job] = {}

    async def take(connection: Connection) -> None:
        job = await take_next_job(connection, [Kind.BACKTEST], BIGGEST)
        if job is None:
            raise LookupError("no job waits")
        taken["job"] = job

    async def run(connection: Connection) -> None:
        await take(connection)
        await mark_running(connection, taken["job"].subject, _NOW)

    of_the_job: dict[str, Use] = {
        "a lease renewed": lambda c: renew_lease(c, taken["job"]),
        "a job handed back": lambda c: release_job(c, taken["job"]),
        "a job ended": lambda c: end_job(c, taken["job"]),
        "whether a job has ended": lambda c: has_ended(c, taken["job"]),
    }
    of_the_run: dict[str, tuple[Use, set[str], Callable[[Connection], Awaitable[None]]]] = {
        "a run begun": (lambda c: mark_running(c, taken["job"].subject, _NOW), {_RUN}, take),
        "what a run needs": (lambda c: read_task(c, taken["job"].subject, "running"), {_RUN, _DATASET}, run),
        "a run succeeded": (lambda c: mark_succeeded(c, taken["job"].subject, _RESULT, _NOW), {_RUN}, run),
        "a run failed": (lambda c: mark_failed(c, taken["job"].subject, "", _NOW), {_RUN}, run),
    }
    return [
        *(_query(name, {_JOB}, Trial(use, rows=1, writes=1, before=take)) for name, use in of_the_job.items()),
        *(
            _query(name, indexes, Trial(use, rows=len(indexes), writes=1, before=before))
            for name, (use, indexes, before) in of_the_run.items()
        ),
    ]


def _query(name: str, indexes: set[str], *trials: Trial) -> Query:
    return Query(name, "backtest", frozenset(indexes), trials)

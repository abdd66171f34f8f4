"""What the backtest service does besides listing: single runs and datasets, and the queue of runs."""

from datetime import UTC, datetime

from bench.query_plans.population import BIGGEST, MAIN
from bench.query_plans.query import VERSION, Query, Trial, Use
from services.backtest.store.backtests import list_backtests, read_backtest
from services.backtest.store.datasets import read_dataset
from services.backtest.store.jobs import (
    Job,
    Result,
    has_ended,
    mark_failed,
    mark_succeeded,
    release_run,
    renew_lease,
    take_free_run,
)
from shared.contracts.messages import ListBacktests
from shared.runtime.database import Connection

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_RUN, _DATASET = "backtests_pkey", "datasets_pkey"
_RESULT = Result(
    metrics={"final_value": 1.0, "total_return": 0.0, "sharpe": None}, warnings=[], result_digest="", result_key=""
)


async def queries(connection: Connection) -> list[Query]:
    """Return one query for each of them."""
    page, _ = await list_backtests(connection, BIGGEST, ListBacktests(limit=1))
    run = page.items[0].id
    return [
        _query("a run", {_RUN, VERSION}, Trial(lambda c: read_backtest(c, run, BIGGEST), rows=2)),
        _query("a dataset", {_DATASET, VERSION}, Trial(lambda c: read_dataset(c, MAIN, BIGGEST), rows=2)),
        # It passes the runs that workers have: as many as there are workers, and eight of the rows here.
        _query(
            "the run that has been free longest, taken",
            {"backtests_unfinished", _RUN, _DATASET},
            Trial(lambda c: take_free_run(c, _NOW), rows=11, writes=1),
        ),
        *_of_a_taken_run(),
    ]


def _of_a_taken_run() -> list[Query]:
    taken: dict[str, Job] = {}

    async def take(connection: Connection) -> None:
        job = await take_free_run(connection, _NOW)
        if job is None:
            raise LookupError("no run is queued")
        taken["job"] = job

    uses: dict[str, Use] = {
        "a lease renewed": lambda c: renew_lease(c, taken["job"]),
        "a run handed back": lambda c: release_run(c, taken["job"]),
        "a run succeeded": lambda c: mark_succeeded(c, taken["job"], _RESULT, _NOW),
        "a run failed": lambda c: mark_failed(c, taken["job"], "", _NOW),
        "whether a run has ended": lambda c: has_ended(c, taken["job"]),
    }
    return [_query(name, {_RUN}, Trial(use, rows=1, writes=1, before=take)) for name, use in uses.items()]


def _query(name: str, indexes: set[str], trial: Trial) -> Query:
    return Query(name, "backtest", frozenset(indexes), [trial])

"""Backtests through their handlers: what may be queued, what it leaves, and how runs are listed."""

from datetime import date
from typing import Any

import msgspec
import pytest

from services.backtest.core import work
from services.backtest.core.work import TooMuchWork
from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.datasets import DatasetHandlers
from services.backtest.job_queue import JOB_TYPE
from services.backtest.jobs import Jobs
from services.backtest.store.runs import Result
from services.backtest.tests.fakes import SMA_CROSS, FakeStrategies, apple, csv_of
from services.backtest.tests.steps import call_of, ingested, queued
from shared.contracts.errors import Invalid, InvalidSpec, Malformed, NotFound, ServiceError, Unauthenticated
from shared.contracts.events import BacktestQueued
from shared.contracts.ids import new_id
from shared.contracts.jobs import BacktestJob
from shared.contracts.messages import CreateBacktest, ListBacktests, ReadBacktest
from shared.contracts.objects import backtest_object, backtests_object
from shared.contracts.streams import JOBS_BACKTEST
from shared.contracts.values import Backtest, BacktestPage, Dataset, Execution
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.clock import FakeClock

pytestmark = pytest.mark.integration


async def test_a_run_is_queued_whole(
    backtests: BacktestHandlers, dataset: Dataset, clock: FakeClock, ana: Call
) -> None:
    """What decides the result is fixed when the run is made: params with their defaults, dates, execution, hashes."""
    execution = Execution(initial_cash=10_000, lot_size=1, fee_bps=10)
    message = CreateBacktest(
        dataset_id=dataset.id, spec=SMA_CROSS, params={"fast": 5}, start=date(2001, 1, 1), execution=execution
    )
    answer = await backtests.create(message, ana)
    run = answer.value
    assert isinstance(run, Backtest)
    assert (run.status, run.progress, run.created_at, run.warmup_bars) == ("queued", 0.0, clock.time, 20)
    identity = run.run_identity
    assert (identity.params, identity.dataset_sha256) == ({"fast": 5, "slow": 20}, dataset.sha256)
    assert (identity.start, identity.end, identity.execution) == (date(2001, 1, 1), None, execution)
    read = await backtests.read(ReadBacktest(id=run.id), ana)
    assert read.value == run
    assert answer.versions == {backtest_object(run.id): 1, backtests_object(ana.user.user_id): 1}
    assert read.versions == {backtest_object(run.id): 1}


async def test_a_queued_run_leaves_its_event_and_wakes_a_worker(
    backtests: BacktestHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """The row, the event and the job are one transaction."""
    run = await queued(backtests, ana, dataset)
    async with database.reading() as connection:
        rows = await connection.fetch("SELECT * FROM outbox WHERE subject = $1 ORDER BY id", backtest_object(run.id))
    by_stream = {row["stream"]: row for row in rows}
    job, event = by_stream[JOBS_BACKTEST], by_stream["aurelius.events.backtest"]
    assert msgspec.json.decode(job["data"], type=BacktestJob) == BacktestJob(id=run.id)
    assert (job["type"], event["type"], event["owner"]) == (JOB_TYPE, BacktestQueued.TYPE, ana.user.user_id)
    assert {row["traceparent"] for row in rows} == {ana.traceparent}


async def test_a_stored_strategy_is_read_in_the_callers_name_and_copied(
    backtests: BacktestHandlers, strategies: FakeStrategies, dataset: Dataset, jobs: Jobs, ana: Call
) -> None:
    """The run names its strategy and version and keeps the spec: what becomes of the strategy later does not matter."""
    strategy_id = new_id()
    strategies.specs = {(strategy_id, 1): SMA_CROSS, (strategy_id, 2): {"entry_long": "close > open"}}
    newest = await queued(backtests, ana, dataset, strategy_id=strategy_id)
    older = await queued(backtests, ana, dataset, strategy_id=strategy_id, strategy_version=1)
    assert strategies.asked == [ana, ana]
    assert [(run.strategy_id, run.strategy_version) for run in (newest, older)] == [(strategy_id, 2), (strategy_id, 1)]
    strategies.specs.clear()
    taken = await jobs.take()
    assert taken is not None
    assert (taken.job.subject, taken.task.spec) == (newest.id, {"entry_long": "close > open"})


@pytest.mark.parametrize(
    ("fields", "error", "pointer"),
    [
        ({"spec": None}, Invalid, "/strategy_id"),
        ({"strategy_id": "s"}, Invalid, "/spec"),
        ({"strategy_version": 1}, Invalid, "/strategy_version"),
        ({"spec": {"entry_long": "close >"}}, InvalidSpec, "/spec/entry_long"),
        ({"params": {"fats": 3}}, Invalid, "/params/fats"),
        ({"params": {"fast": 51}}, Invalid, "/params/fast"),
        ({"params": {"fast": 20, "slow": 10}}, Invalid, "/params"),
        ({"execution": Execution(fee_fixed=1e16)}, Invalid, "/execution/fee_fixed"),
        ({"execution": Execution(side="short")}, Invalid, "/execution/side"),
        ({"start": date(2010, 1, 2), "end": date(2010, 1, 1)}, Invalid, "/start"),
        ({"start": date(2013, 3, 2)}, Invalid, "/start"),
        ({"end": date(2000, 2, 29)}, Invalid, "/end"),
    ],
)
async def test_what_cannot_run_is_refused_by_name(
    backtests: BacktestHandlers,
    dataset: Dataset,
    database: Database,
    ana: Call,
    fields: dict[str, Any],
    error: type[ServiceError],
    pointer: str,
) -> None:
    """Each fault of a request is answered with the place it is in, and nothing is queued."""
    message = CreateBacktest(**{"dataset_id": dataset.id, "spec": SMA_CROSS, **fields})
    with pytest.raises(error) as caught:
        await backtests.create(message, ana)
    assert caught.value.errors[0].pointer == pointer
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM backtests") == 0


async def test_what_would_take_too_long_is_refused(
    backtests: BacktestHandlers, dataset: Dataset, ana: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the bars of the period asked for, before anything is queued."""
    monkeypatch.setattr(work, "MOST_SECONDS", 500 * 1e-6)
    with pytest.raises(TooMuchWork, match="fewer bars than about 3,270"):
        await queued(backtests, ana, dataset)
    assert (await queued(backtests, ana, dataset, start=date(2012, 1, 1))).status == "queued"


async def test_what_is_not_the_callers_is_not_found(
    backtests: BacktestHandlers, dataset: Dataset, ana: Call, ben: Call
) -> None:
    """Another's dataset or run, an unknown strategy and an id that is none are all not found."""
    run = await queued(backtests, ana, dataset)
    for call, fields in (
        (ben, {"dataset_id": dataset.id, "spec": SMA_CROSS}),
        (ana, {"dataset_id": "no-id", "spec": SMA_CROSS}),
        (ana, {"dataset_id": dataset.id, "strategy_id": new_id()}),
    ):
        with pytest.raises(NotFound):
            await backtests.create(CreateBacktest(**fields), call)
    for call, wanted in ((ben, run.id), (ana, new_id()), (ana, "no-id")):
        with pytest.raises(NotFound):
            await backtests.read(ReadBacktest(id=wanted), call)
    with pytest.raises(Unauthenticated):
        await backtests.list_all(ListBacktests(), call_of(None))


async def listed(backtests: BacktestHandlers, call: Call, **fields: Any) -> list[Backtest]:
    """All runs of a list, page by page."""
    found: list[Backtest] = []
    cursor: str | None = None
    while True:
        answer = await backtests.list_all(ListBacktests(cursor=cursor, **fields), call)
        assert isinstance(answer.value, BacktestPage)
        assert answer.versions.keys() == {backtests_object(call.user.user_id)}
        found += answer.value.items
        cursor = answer.value.next_cursor
        if cursor is None:
            return found


async def finish(jobs: Jobs, final_value: float, sharpe: float | None) -> None:
    """End the run that waits longest, with this result."""
    taken = await jobs.take()
    assert taken is not None
    metrics = {"final_value": final_value, "total_return": final_value / 100 - 1, "sharpe": sharpe}
    result = Result(metrics=metrics, warnings=[], result_digest="d" * 64, result_key="k")
    assert await jobs.succeed(taken, result) is not None


async def test_runs_are_listed_by_metric_with_the_undefined_last(
    backtests: BacktestHandlers, dataset: Dataset, jobs: Jobs, clock: FakeClock, ana: Call
) -> None:
    """A metric sorts succeeded runs only, both ways, over pages of any size, and those without it come last."""
    values = [(120.0, 0.5), (80.0, None), (100.0, -1.0), (100.0, 2.0), (150.0, None)]
    runs = []
    for fast, (final_value, sharpe) in enumerate(values, start=3):
        runs.append(await queued(backtests, ana, dataset, params={"fast": fast}))
        clock.advance(seconds=1)
        await finish(jobs, final_value, sharpe)
    waiting = await queued(backtests, ana, dataset)

    async def order(sort: str, limit: int) -> list[int]:
        ids = [run.id for run in await listed(backtests, ana, sort=sort, limit=limit)]
        return [[*(run.id for run in runs), waiting.id].index(found) for found in ids]

    for limit in (1, 2, 50):
        assert await order("-created_at", limit) == [5, 4, 3, 2, 1, 0]
        assert await order("created_at", limit) == [0, 1, 2, 3, 4, 5]
        assert await order("-final_value", limit) == [4, 0, 3, 2, 1]
        assert await order("total_return", limit) == [1, 2, 3, 0, 4]
        assert await order("-sharpe", limit) == [3, 0, 2, 4, 1]
        assert await order("sharpe", limit) == [2, 0, 3, 1, 4]


async def test_lists_are_filtered(
    backtests: BacktestHandlers,
    datasets: DatasetHandlers,
    objects: Objects,
    strategies: FakeStrategies,
    dataset: Dataset,
    jobs: Jobs,
    ana: Call,
    ben: Call,
) -> None:
    """Each filter shows what it names and nothing of another owner's; one that is no id is malformed."""
    strategy_id = new_id()
    strategies.specs[strategy_id, 1] = SMA_CROSS
    other = await ingested(datasets, objects, ana, csv_of(apple()))
    first = await queued(backtests, ana, dataset, strategy_id=strategy_id)
    await finish(jobs, 100.0, None)
    second = await queued(backtests, ana, other, params={"fast": 9})
    for fields, expected in (
        ({"strategy_id": strategy_id}, [first.id]),
        ({"dataset_id": other.id}, [second.id]),
        ({"status": "succeeded"}, [first.id]),
        ({"status": "queued", "dataset_id": dataset.id}, []),
    ):
        assert [run.id for run in await listed(backtests, ana, **fields)] == expected
        assert await listed(backtests, ben, **fields) == []
    with pytest.raises(Malformed) as caught:
        await backtests.list_all(ListBacktests(strategy_id="x"), ana)
    assert caught.value.errors[0].pointer == "/strategy_id"


async def test_a_cursor_holds_for_its_own_list(backtests: BacktestHandlers, dataset: Dataset, ana: Call) -> None:
    """A cursor used with other filters is refused."""
    for _ in range(2):
        await queued(backtests, ana, dataset)
    answer = await backtests.list_all(ListBacktests(limit=1), ana)
    assert isinstance(answer.value, BacktestPage)
    with pytest.raises(Malformed):
        await backtests.list_all(ListBacktests(limit=1, cursor=answer.value.next_cursor, status="queued"), ana)

"""Sweeps as their owners see them: asked for, read, listed; what is refused, and with which pointers."""

from datetime import date
from typing import Any

import pytest

from services.backtest.core import work
from services.backtest.core.language import check_spec
from services.backtest.core.run import run_backtest
from services.backtest.core.work import TooMuchWork
from services.backtest.handlers.sweep_results import SweepResultHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.jobs import Jobs
from services.backtest.tests.fakes import SMA_CROSS, FakeStrategies, apple
from services.backtest.tests.steps import work_off
from services.backtest.tests.sweep_steps import (
    GRID,
    events_of_sweep,
    queued_sweep,
    read_sweep,
    rows_of,
)
from shared.contracts.errors import Conflict, Invalid, Malformed, NotFound
from shared.contracts.ids import new_id
from shared.contracts.messages import ExportSweepResults, ListSweepResults, ListSweeps, ReadSweep
from shared.contracts.objects import sweep_object, sweeps_object
from shared.contracts.sweep_values import Sweep, SweepPage, SweepSample
from shared.contracts.values import Dataset, Execution
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

COSTS = Execution(initial_cash=10_000, fee_bps=10)


async def test_a_sweep_gives_every_combination_and_the_best_of_them(
    jobs: Jobs,
    sweeps: SweepHandlers,
    sweep_results: SweepResultHandlers,
    dataset: Dataset,
    database: Database,
    clock: FakeClock,
    ana: Call,
) -> None:
    """Those that the constraints allow, each with the ten metrics that it has as a single run, to the bit; ten of them
    with all metrics. A small one is done in one job.
    """
    sweep = await queued_sweep(sweeps, ana, dataset, execution=COSTS)
    assert (sweep.status, sweep.combinations, sweep.done, sweep.best) == ("queued", 15, 0, [])
    clock.advance(seconds=1)
    told = await work_off(jobs)
    assert [(entry.id, entry.status, entry.progress) for entry in told] == [
        (sweep.id, "running", 0.0),
        (sweep.id, "succeeded", 1.0),
    ]
    done = await read_sweep(sweeps, sweep, ana)
    assert (done.status, done.progress, done.done, done.revision) == ("succeeded", 1.0, 15, 3)
    assert (done.started_at, done.finished_at, done.warnings) == (clock.time, clock.time, [])
    assert [kind for kind, _ in await events_of_sweep(database, sweep)] == ["queued", "started", "succeeded"]

    rows = await rows_of(sweep_results, sweep, ana)
    assert sorted((row.params["fast"], row.params["slow"]) for row in rows) == [
        (fast, slow) for fast in (5, 10, 20) for slow in range(10, 70, 10) if fast < slow
    ]
    spec, bars = check_spec(SMA_CROSS), apple()
    for row in rows:
        run = run_backtest(spec, bars, row.params, COSTS)
        assert row.metrics == {name: run.metrics[name] for name in row.metrics}
        assert row.valid
    assert [best.number for best in done.best] == [row.number for row in rows[:10]]
    for best in done.best:
        run = run_backtest(spec, bars, best.params, COSTS)
        assert (best.metrics, best.result_digest) == (dict(run.metrics), run.result_digest)
    sharpe = [row.metrics["sharpe"] for row in rows]
    assert sharpe == sorted(sharpe, reverse=True)  # type: ignore[type-var]  # each is defined


async def test_a_stored_strategy_is_swept_in_the_version_asked_for(
    sweeps: SweepHandlers, strategies: FakeStrategies, dataset: Dataset, ana: Call
) -> None:
    """The newest one unless it is named; the sweep keeps it, whatever becomes of the strategy."""
    strategy_id = new_id()
    strategies.specs = {(strategy_id, 1): SMA_CROSS, (strategy_id, 2): SMA_CROSS}
    newest = await queued_sweep(sweeps, ana, dataset, strategy_id=strategy_id)
    first = await queued_sweep(sweeps, ana, dataset, strategy_id=strategy_id, strategy_version=1)
    assert (newest.strategy_version, first.strategy_version) == (2, 1)


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({"grid": {"fast": [5, 10, 99]}}, ["/grid/fast/2"]),
        ({"grid": {"fats": [5]}}, ["/grid/fats"]),
        ({"grid": {"fast": {"start": 9, "stop": 3, "step": 1}}}, ["/grid/fast/stop"]),
        ({"grid": {"fast": [50], "slow": [40]}}, ["/grid"]),
        ({"sample": SweepSample(n=0)}, ["/sample/n"]),
        ({"spec": {"entry_long": "smaa(close, 3)"}}, ["/spec/entry_long"]),
        ({"start": date(2013, 1, 1), "end": date(2000, 1, 1)}, ["/start"]),
        ({"spec": None}, ["/strategy_id"]),
        ({"execution": Execution(side="short")}, ["/execution/side"]),
    ],
)
async def test_what_cannot_be_swept_is_refused_where_it_is_wrong(
    sweeps: SweepHandlers, dataset: Dataset, ana: Call, fields: dict[str, Any], pointers: list[str]
) -> None:
    """Before anything is stored, with a pointer into the request."""
    with pytest.raises(Invalid) as refused:
        await queued_sweep(sweeps, ana, dataset, **fields)
    assert [error.pointer for error in refused.value.errors] == pointers
    page = (await sweeps.list_all(ListSweeps(), ana)).value
    assert page == SweepPage(items=[], next_cursor=None)


async def test_what_would_take_too_long_is_refused(
    sweeps: SweepHandlers, dataset: Dataset, ana: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the bars of the period asked for, before anything is queued."""
    monkeypatch.setattr(work, "MOST_SECONDS", 5000 * 1e-6)
    with pytest.raises(TooMuchWork, match=r"18 combinations, .* fewer bars than about 3,270"):
        await queued_sweep(sweeps, ana, dataset)
    assert (await queued_sweep(sweeps, ana, dataset, start=date(2012, 1, 1))).status == "queued"


async def test_a_sample_is_the_same_for_the_same_seed(
    jobs: Jobs, sweeps: SweepHandlers, sweep_results: SweepResultHandlers, dataset: Dataset, ana: Call
) -> None:
    """And another for another one; the seed of the request stands in for that of the sample."""
    asked: list[dict[str, Any]] = [
        {"sample": SweepSample(n=4, seed=7)},
        {"sample": SweepSample(n=4), "seed": 7},
        {"sample": SweepSample(n=4, seed=8)},
        {"sample": SweepSample(n=100)},
    ]
    made = [await queued_sweep(sweeps, ana, dataset, **fields) for fields in asked]
    await work_off(jobs)
    digests = [(await read_sweep(sweeps, sweep, ana)).result_digest for sweep in made]
    assert digests[0] == digests[1] != digests[2]
    all_of_them = await read_sweep(sweeps, made[3], ana)
    assert all_of_them.combinations == 15
    assert all_of_them.warnings == ["There are 15 combinations, fewer than the 100 of the sample."]


async def test_impossible_combinations_are_rows_without_metrics(
    jobs: Jobs, sweeps: SweepHandlers, sweep_results: SweepResultHandlers, dataset: Dataset, ana: Call
) -> None:
    """They come last, are said to be not valid, and are counted."""
    spec = {
        "params": {"n": {"type": "int", "default": 5}},
        "entry_long": "close > sma(close, n)",
        "exit_long": "close < sma(close, n)",
    }
    sweep = await queued_sweep(sweeps, ana, dataset, spec=spec, grid={"n": [-1, 0, 5, 6]})
    await work_off(jobs)
    done = await read_sweep(sweeps, sweep, ana)
    assert len(done.best) == 2
    assert done.warnings[0].startswith("2 of 4 combinations are not valid")
    rows = await rows_of(sweep_results, sweep, ana)
    assert [(row.params["n"], row.valid) for row in rows[2:]] == [(-1, False), (0, False)]
    assert set(rows[3].metrics.values()) == {None}


async def test_a_period_with_too_few_bars_fails_the_sweep_with_a_sentence(
    jobs: Jobs, sweeps: SweepHandlers, dataset: Dataset, ana: Call
) -> None:
    """It is found out when the bars are looked at."""
    sweep = await queued_sweep(sweeps, ana, dataset, start=date(2000, 3, 4), end=date(2000, 3, 5))
    await work_off(jobs)
    failed = await read_sweep(sweeps, sweep, ana)
    assert failed.status == "failed"
    assert failed.error is not None
    assert "at least 2" in failed.error


async def test_sweeps_are_listed_by_their_filters_page_by_page(
    jobs: Jobs, sweeps: SweepHandlers, dataset: Dataset, clock: FakeClock, ana: Call, ben: Call
) -> None:
    """The newest first, without grid and best; another account's are not among them, nor found."""
    made: list[Sweep] = []
    for _ in range(3):
        made.append(await queued_sweep(sweeps, ana, dataset))
        clock.advance(seconds=1)
    await work_off(jobs)
    made.append(await queued_sweep(sweeps, ana, dataset))

    async def listed(call: Call = ana, **asked: Any) -> tuple[list[str], str | None]:
        page = (await sweeps.list_all(ListSweeps(**asked), call)).value
        assert isinstance(page, SweepPage)
        return [item.id for item in page.items], page.next_cursor

    newest_first = [sweep.id for sweep in reversed(made)]
    assert await listed() == (newest_first, None)
    first, cursor = await listed(limit=3, dataset_id=dataset.id)
    assert (first, (await listed(limit=3, dataset_id=dataset.id, cursor=cursor))[0]) == (
        newest_first[:3],
        newest_first[3:],
    )
    assert (await listed(status="queued"))[0] == newest_first[:1]
    assert (await listed(status="succeeded", dataset_id=dataset.id))[0] == newest_first[1:]
    assert (await listed(strategy_id=new_id()))[0] == []
    assert (await listed(ben))[0] == []
    with pytest.raises(Malformed):
        await listed(cursor=cursor)
    with pytest.raises(Malformed):
        await listed(strategy_id="no id")
    with pytest.raises(NotFound) as refused:
        await sweeps.read(ReadSweep(id=made[0].id), ben)
    assert refused.value.versions == {}


async def test_while_it_runs_a_sweep_is_not_cached(
    jobs: Jobs, sweeps: SweepHandlers, dataset: Dataset, ana: Call
) -> None:
    """Its progress grows without an event: an answer that shows it has no version to be kept by."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    taken = await jobs.take()
    assert taken is not None
    assert (await sweeps.read(ReadSweep(id=sweep.id), ana)).versions == {}
    assert (await sweeps.list_all(ListSweeps(), ana)).versions == {}
    await jobs.release(taken)
    await work_off(jobs)
    assert (await sweeps.read(ReadSweep(id=sweep.id), ana)).versions == {sweep_object(sweep.id): 3}
    assert (await sweeps.list_all(ListSweeps(), ana)).versions == {sweeps_object(sweep.owner_id): 3}


async def test_there_are_no_results_before_the_end(
    sweeps: SweepHandlers, sweep_results: SweepResultHandlers, dataset: Dataset, ana: Call, ben: Call
) -> None:
    """The answer says why; another account hears that there is no such sweep."""
    sweep = await queued_sweep(sweeps, ana, dataset, grid=GRID)
    with pytest.raises(Conflict, match="is queued"):
        await sweep_results.list_results(ListSweepResults(id=sweep.id), ana)
    with pytest.raises(Conflict, match="is queued"):
        await sweep_results.export(ExportSweepResults(id=sweep.id, form="csv"), ana)
    for call, sweep_id in ((ben, sweep.id), (ana, new_id()), (ana, "no id")):
        with pytest.raises(NotFound):
            await sweep_results.list_results(ListSweepResults(id=sweep_id), call)

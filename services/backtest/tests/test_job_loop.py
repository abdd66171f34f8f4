"""The loop of a worker: what becomes of a run, whatever happens while it is done."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any

import pytest

from services.backtest import job_loop
from services.backtest.files.dataset_file import dataset_key
from services.backtest.files.result_file import curve_key, trades_key
from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.results import ResultHandlers
from services.backtest.job_figures import JobFigures
from services.backtest.job_kinds.backtests import BacktestWork
from services.backtest.job_kinds.identities import OTHER_ENGINE
from services.backtest.job_loop import BROKEN, GIVEN_UP, LATE_SECONDS, MAX_ATTEMPTS, NO_BARS, NO_MEMORY, JobLoop
from services.backtest.jobs import Jobs, Taken
from services.backtest.store.jobs import Job, drop_unlocked_jobs
from services.backtest.store.runs import Result, Task
from services.backtest.tests.steps import TRACEPARENT, files_of, lapse, queued, read
from services.backtest.tests.sweep_steps import taken
from services.backtest.threads import Stopped
from shared.contracts.errors import Unavailable
from shared.contracts.jobs import Progress
from shared.contracts.messages import ListTrades, ReadEquity
from shared.contracts.timings import Counter
from shared.contracts.values import Dataset, Execution, TradePage
from shared.runtime import context
from shared.runtime.bus.server import Call
from shared.runtime.context import Handling
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from shared.runtime.timings import Timings
from shared.runtime.tracing.tests.recording import Recorder, context_of, links_of, parent_of, traceparent_of
from tests.clock import FakeClock
from tests.seconds import allowed

pytestmark = pytest.mark.integration

WHOLE_UNITS = Execution(initial_cash=10_000, lot_size=1)


class StandIn(BacktestWork):
    """Does something else before, or instead of, the run."""

    def __init__(self, objects: Objects, act: Callable[[Job], Awaitable[None]]) -> None:
        super().__init__(objects, FakeClock())
        self._act = act

    async def compute(self, job: Job, task: Task, stop: threading.Event) -> Result:
        """Act, then run."""
        await self._act(job)
        return await super().compute(job, task, stop)


def loop_of(database: Database, work: BacktestWork, told: Callable[[Progress], None] = lambda _: None) -> JobLoop:
    """A worker that does this work."""
    return JobLoop(Jobs(database, FakeClock(), [work]), told)


async def test_the_reference_run_on_real_bars(
    jobs: Jobs, backtests: BacktestHandlers, results: ResultHandlers, dataset: Dataset, ana: Call
) -> None:
    """SMA 10/20, long only, whole units, AAPL 2000-2013: the published 85 trades and final value, as metrics, curve
    and trades alike.
    """
    told: list[Progress] = []
    run = await queued(backtests, ana, dataset, execution=WHOLE_UNITS)
    loop = JobLoop(jobs, told.append)
    assert await loop.work()
    assert not await loop.work()
    done = await read(backtests, run, ana)
    assert done.metrics is not None
    assert done.metrics["trades"] == 85
    assert done.metrics["final_value"] == pytest.approx(148_240.55951952402, rel=1e-9)
    assert done.metrics["max_drawdown"] == pytest.approx(-0.4780994910747772, rel=1e-9)
    curve = (await results.read_equity(ReadEquity(id=run.id), ana)).value
    assert isinstance(curve, bytes)
    assert curve.count(b'"time"') == dataset.rows
    page = (await results.list_trades(ListTrades(id=run.id, limit=200), ana)).value
    assert isinstance(page, TradePage)
    assert (len(page.items), page.next_cursor) == (85, None)
    assert sum(trade.pnl for trade in page.items) == pytest.approx(148_240.55951952402 - 10_000, rel=1e-9)
    assert [(entry.id, entry.owner, entry.status, entry.progress) for entry in told] == [
        (run.id, ana.user.user_id, "running", 0.0),
        (run.id, ana.user.user_id, "succeeded", 1.0),
    ]


async def test_what_becomes_of_a_run_belongs_to_the_trace_of_its_request(
    jobs: Jobs, objects: Objects, backtests: BacktestHandlers, database: Database, dataset: Dataset, ana: Call
) -> None:
    """Whichever worker does it: the lines that it writes meanwhile, and the events."""
    told: list[Handling] = []

    async def look(_: Job) -> None:
        told.append(context.current())

    runs = [await queued(backtests, ana, dataset) for _ in range(2)]
    loop = loop_of(database, StandIn(objects, look))
    while await loop.work():
        pass
    assert told == [Handling(traceparent=TRACEPARENT, method="backtest.run", job=run.id) for run in runs]
    assert context.current() == Handling()
    async with database.reading() as connection:
        rows = await connection.fetch("SELECT traceparent FROM outbox WHERE type LIKE 'aurelius.backtest.s%'")
    assert [row["traceparent"] for row in rows] == [TRACEPARENT] * 4


async def test_a_run_is_a_span_in_the_trace_of_its_request(
    objects: Objects, backtests: BacktestHandlers, database: Database, dataset: Dataset, ana: Call
) -> None:
    """Linked to the request's, with what became of it; its lines and its last event are of that span, and no renewal
    of its lease is.
    """
    recorder, told = Recorder(), list[Handling]()
    renewed = asyncio.Event()

    class Noting(Jobs):
        async def renew(self, taken: Taken[Any, Any]) -> bool:
            told.append(context.current())
            renewed.set()
            return await super().renew(taken)

    async def look(_: Job) -> None:
        told.append(context.current())
        await renewed.wait()

    run = await queued(backtests, ana, dataset)
    loop = JobLoop(Noting(database, FakeClock(), [StandIn(objects, look)]), lambda _: None, tracer=recorder.tracer)
    assert await loop.work()
    span = recorder.named("backtest.run aurelius.jobs.backtest")
    assert f"{context_of(span).trace_id:032x}" == TRACEPARENT[3:35]
    assert (parent_of(span), links_of(span)) == (TRACEPARENT[36:52], [TRACEPARENT[36:52]])
    assert span.attributes is not None
    assert (span.attributes["aurelius.job"], span.attributes["aurelius.outcome"]) == (run.id, "succeeded")
    assert told == [
        Handling(traceparent=traceparent_of(span), method="backtest.run", job=run.id),
        Handling(method="backtest.run", job=run.id),
    ]
    async with database.reading() as connection:
        rows = await connection.fetch("SELECT type, traceparent FROM outbox WHERE type LIKE 'aurelius.backtest.s%'")
    assert {row["type"].split(".")[2]: row["traceparent"] for row in rows} == {
        "started": TRACEPARENT,
        "succeeded": traceparent_of(span),
    }


async def test_a_run_on_too_few_bars_fails_with_a_sentence(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """Dates that look right but hold a single bar are found out by the worker."""
    told: list[Progress] = []
    run = await queued(backtests, ana, dataset, start=date(2001, 1, 2), end=date(2001, 1, 2))
    await JobLoop(jobs, told.append).work()
    failed = await read(backtests, run, ana)
    assert failed.status == "failed"
    assert failed.error is not None
    assert "1 bar lies between" in failed.error
    assert told[-1].status == "failed"


async def test_a_run_whose_bars_are_gone_fails_with_a_sentence(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, objects: Objects, ana: Call
) -> None:
    """A dataset without its file is named as what is missing."""
    run = await queued(backtests, ana, dataset)
    await objects.delete(dataset_key(dataset.sha256))
    await JobLoop(jobs, lambda _: None).work()
    assert (await read(backtests, run, ana)).error == NO_BARS


@pytest.mark.parametrize(("fault", "sentence"), [(RuntimeError("secret"), BROKEN), (MemoryError(), NO_MEMORY)])
async def test_a_fault_of_ours_fails_the_run_and_not_the_worker(
    jobs: Jobs,
    database: Database,
    objects: Objects,
    backtests: BacktestHandlers,
    dataset: Dataset,
    ana: Call,
    fault: Exception,
    sentence: str,
) -> None:
    """Whatever is raised, the run ends with a sentence that tells nothing internal, and the next run is done."""

    async def fail(job: Job) -> None:
        if job.subject == runs[0].id:
            raise fault

    runs = [await queued(backtests, ana, dataset) for _ in range(2)]
    loop = loop_of(database, StandIn(objects, fail))
    while await loop.work():
        pass
    assert (await read(backtests, runs[0], ana)).error == sentence
    assert (await read(backtests, runs[1], ana)).status == "succeeded"


@pytest.mark.parametrize("change", ['{"engine_version": 999}', '{"execution": {"of the future": 1}}'])
async def test_a_run_for_another_engine_fails_and_stops_no_other(
    jobs: Jobs,
    database: Database,
    backtests: BacktestHandlers,
    dataset: Dataset,
    ana: Call,
    change: str,
) -> None:
    """What was queued by another version is not run into other numbers, nor does it block the queue."""
    runs = [await queued(backtests, ana, dataset) for _ in range(2)]
    async with database.reading() as connection:
        await connection.execute(
            "UPDATE backtests SET run_identity = (run_identity::jsonb || $2::text::jsonb)::json WHERE id = $1",
            runs[0].id,
            change,
        )
    loop = JobLoop(jobs, lambda _: None)
    while await loop.work():
        pass
    async with database.reading() as connection:
        rows = await connection.fetch("SELECT status, error FROM backtests ORDER BY created_at, id")
    assert [(row["status"], row["error"]) for row in rows] == [("failed", OTHER_ENGINE), ("succeeded", None)]


async def test_the_lease_is_renewed_while_the_run_goes_on(
    jobs: Jobs,
    objects: Objects,
    database: Database,
    backtests: BacktestHandlers,
    dataset: Dataset,
    ana: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run may take longer than a lease: it is held for as long as its worker lives."""
    monkeypatch.setattr(job_loop, "RENEW_SECONDS", 0.01)

    async def outlive_the_lease(job: Job) -> None:
        statement = "SELECT lease_until FROM jobs WHERE subject = $1"
        async with database.reading() as connection:
            until = await connection.fetchval(statement, job.subject)
            async with asyncio.timeout(allowed(5)):
                while await connection.fetchval(statement, job.subject) == until:
                    pass

    run = await queued(backtests, ana, dataset)
    await loop_of(database, StandIn(objects, outlive_the_lease)).work()
    assert (await read(backtests, run, ana)).status == "succeeded"


async def test_a_dropped_job_is_let_go_of(
    jobs: Jobs,
    objects: Objects,
    database: Database,
    backtests: BacktestHandlers,
    dataset: Dataset,
    ana: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever is at it is told to stop, leaves nothing behind, and does the next one."""
    monkeypatch.setattr(job_loop, "RENEW_SECONDS", 0.01)
    stops: list[threading.Event] = []

    class Endless(BacktestWork):
        """Computes until it is told to stop."""

        async def compute(self, job: Job, task: Task, stop: threading.Event) -> Result:
            """Wait for the stop, and compute in vain."""
            stops.append(stop)
            async with database.transaction() as connection:
                await drop_unlocked_jobs(connection, job.subject)
            await asyncio.Event().wait()
            return await super().compute(job, task, stop)

    await queued(backtests, ana, dataset)
    told: list[Progress] = []
    async with asyncio.timeout(allowed(5)):
        assert await loop_of(database, Endless(objects, FakeClock()), told.append).work()
    assert [stop.is_set() for stop in stops] == [True]
    assert [entry.status for entry in told] == ["running"]
    assert objects.folder is not None
    assert not list((objects.folder / "results").rglob("*.arrow"))
    assert await jobs.take() is None


async def test_a_late_result_is_dropped_with_its_files(
    jobs: Jobs,
    work: BacktestWork,
    objects: Objects,
    database: Database,
    backtests: BacktestHandlers,
    results: ResultHandlers,
    dataset: Dataset,
    ana: Call,
) -> None:
    """A worker that was cut off and taken for dead cannot overwrite what the other one stored, nor tell of it."""
    told: list[Progress] = []
    keys: list[str] = []

    async def be_overtaken(job: Job) -> None:
        await lapse(database, job.subject)
        other = await jobs.take()
        assert other is not None
        result = await work.compute(other.job, other.task, threading.Event())
        keys.append(result.result_key)
        assert await jobs.succeed(other, result) is not None

    run = await queued(backtests, ana, dataset)
    await loop_of(database, StandIn(objects, be_overtaken), told.append).work()
    done = await read(backtests, run, ana)
    assert (done.status, done.revision) == ("succeeded", 3)
    assert [entry.status for entry in told] == ["running"]
    assert objects.folder is not None
    kept = {path.relative_to(objects.folder).as_posix() for path in (objects.folder / "results").rglob("*.arrow")}
    assert kept == {curve_key(keys[0]), trades_key(keys[0])}
    assert (await results.read_equity(ReadEquity(id=run.id), ana)).value


async def test_a_run_that_kills_its_workers_is_given_up(
    jobs: Jobs, database: Database, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """After three workers that died over it, a run fails with a sentence instead of killing a fourth."""
    run = await queued(backtests, ana, dataset)
    for _ in range(MAX_ATTEMPTS):
        assert await jobs.take() is not None
        await lapse(database, run.id)
    told: list[Progress] = []
    await JobLoop(jobs, told.append).work()
    failed = await read(backtests, run, ana)
    assert (failed.status, failed.error) == ("failed", GIVEN_UP)
    assert [entry.status for entry in told] == ["running", "failed"]


async def test_a_store_that_is_away_costs_no_attempt(
    jobs: Jobs, database: Database, objects: Objects, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """While the object store does not answer the run waits, and once it does the run is done."""
    away = True

    async def need_the_store(_: Job) -> None:
        if away:
            raise Unavailable("away")

    run = await queued(backtests, ana, dataset)
    loop = loop_of(database, StandIn(objects, need_the_store))
    for _ in range(MAX_ATTEMPTS + 1):
        assert not await loop.work()
    away = False
    assert await loop.work()
    assert (await read(backtests, run, ana)).status == "succeeded"


async def test_a_run_that_nobody_wants_is_left_between_two_parts(
    jobs: Jobs, objects: Objects, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """Its thread ends, rather than to take the processor from the next one, and stores nothing."""
    await queued(backtests, ana, dataset)
    job, stop = await taken(jobs), threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        await job.work.compute(job.job, job.task, stop)
    assert files_of(objects) == []


async def test_stopping_hands_the_run_back(
    jobs: Jobs, database: Database, objects: Objects, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """A worker that is told to stop takes nothing more, and another goes on with its run at once."""
    started = asyncio.Event()

    async def never_end(_: Job) -> None:
        started.set()
        await asyncio.Event().wait()

    run = await queued(backtests, ana, dataset)
    loop = loop_of(database, StandIn(objects, never_end))
    working = asyncio.create_task(loop.work())
    await started.wait()
    await loop.stop()
    assert not await working
    assert not await loop.work()
    assert await JobLoop(jobs, lambda _: None).work()
    assert (await read(backtests, run, ana)).status == "succeeded"


async def test_a_run_taken_while_stopping_is_handed_back(
    database: Database,
    clock: FakeClock,
    work: BacktestWork,
    jobs: Jobs,
    backtests: BacktestHandlers,
    dataset: Dataset,
    ana: Call,
) -> None:
    """The stop that comes between taking and starting leaves no run waiting for its lease to lapse."""

    class StoppedJobs(Jobs):
        """The stop begins as soon as a run has been taken."""

        async def take(self) -> Taken[Any, Any] | None:
            """Take a run, and stop."""
            taken = await super().take()
            stops.append(asyncio.create_task(loop.stop()))
            await asyncio.sleep(0)
            return taken

    stops: list[asyncio.Task[None]] = []
    run = await queued(backtests, ana, dataset)
    loop = JobLoop(StoppedJobs(database, clock, [work]), lambda _: None)
    assert not await loop.work()
    await asyncio.gather(*stops)
    taken = await jobs.take()
    assert taken is not None
    assert (taken.job.subject, taken.job.attempts) == (run.id, 1)


async def test_what_workers_are_at_is_measured(
    jobs: Jobs, database: Database, objects: Objects, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """Each job once, by its kind and what became of it, and those that were taken again."""
    timings = Timings("backtest", "backtest-1")

    async def fail_one(job: Job) -> None:
        if job.subject == runs[0].id:
            raise RuntimeError
        if job.subject == runs[1].id:
            async with database.reading() as connection:
                await drop_unlocked_jobs(connection, job.subject)
            await asyncio.Event().wait()

    runs = [await queued(backtests, ana, dataset, params={"fast": 3 + number}) for number in range(3)]
    await jobs.take()
    await lapse(database, runs[0].id)
    work: BacktestWork = StandIn(objects, fail_one)
    loop = JobLoop(Jobs(database, FakeClock(), [work]), lambda _: None, JobFigures(timings))
    while await loop.work():
        pass
    batch = timings.batch()
    counts = {(series.name, *series.labels.values()): sum(series.counts) for series in batch.histograms}
    assert counts == {
        **{("job_duration", "backtest", outcome): 1 for outcome in ("failed", "left", "succeeded")},
        # Of one that was taken before nobody knows for how long it has waited since; one was not to be stored any more.
        ("job_stage_duration", "backtest", "wait"): 2,
        ("job_stage_duration", "backtest", "compute"): 3,
        ("job_stage_duration", "backtest", "store"): 2,
    }
    assert batch.counters == [Counter(name="jobs_taken_again", labels={"kind": "backtest"}, value=1)]


async def test_a_worker_that_was_only_held_up_costs_no_attempt(
    jobs: Jobs, database: Database, objects: Objects, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """However often one is taken for dead, because it or the database stood still, its run is not given up for it."""

    async def be_overtaken(job: Job) -> None:
        await lapse(database, job.subject)
        await jobs.release(await taken(jobs))

    run = await queued(backtests, ana, dataset)
    for _ in range(MAX_ATTEMPTS + 1):
        await loop_of(database, StandIn(objects, be_overtaken)).work()
        assert files_of(objects) == []
    found = await taken(jobs)
    assert (found.job.subject, found.job.attempts) == (run.id, 1)


async def test_progress_that_comes_late_is_not_told(
    database: Database, work: BacktestWork, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """A worker that stood still after it had stored how far a run is may have been overtaken by the end of it."""
    told: list[Progress] = []
    time_ = 0.0

    class StandingStill(Jobs):
        """After each step it is some time later."""

        async def take(self) -> Taken[Any, Any] | None:
            """Take, and stand still."""
            nonlocal time_
            found = await super().take()
            time_ += LATE_SECONDS + 1.0
            return found

    run = await queued(backtests, ana, dataset)
    await JobLoop(StandingStill(database, FakeClock(), [work]), told.append, now=lambda: time_).work()
    assert [(entry.id, entry.status) for entry in told] == [(run.id, "succeeded")]

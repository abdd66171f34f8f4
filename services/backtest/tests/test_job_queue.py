"""How much may be unfinished: of one owner, exactly, and of all together."""

import asyncio
from dataclasses import replace

import pytest

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.handlers.endings import EndingHandlers
from services.backtest.handlers.specs import SpecHandlers
from services.backtest.handlers.sweep_endings import SweepEndingHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.job_queue import RETRY_SECONDS, Backlog, JobQueue
from services.backtest.jobs import Jobs
from services.backtest.queue_figures import QueueFigures
from services.backtest.settings import BacktestSettings
from services.backtest.store.unfinished import count_asked_for
from services.backtest.tests.fakes import SMA_CROSS, FakeStrategies
from services.backtest.tests.steps import lapse, queued, work_off
from services.backtest.tests.sweep_steps import SLICES, done_part, queued_sweep, taken
from shared.contracts.errors import QuotaExceeded, Unavailable
from shared.contracts.messages import AcceptSpec, CancelBacktest, CancelSweep, DeleteBacktest, VerifyBacktest
from shared.contracts.timings import Gauge
from shared.contracts.values import Backtest, Dataset
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.environment import SettingsError, load
from tests.clock import FakeClock

pytestmark = pytest.mark.integration


async def unfinished(database: Database, call: Call) -> int:
    """How many of an owner's count."""
    async with database.transaction() as connection:
        return await count_asked_for(connection, call.user.user_id, 10_000)


async def one_more(backtests: BacktestHandlers, call: Call, dataset: Dataset, number: int) -> Backtest:
    """Queue a run like no other."""
    return await queued(backtests, call, dataset, params={"fast": 2 + number, "slow": 100 + number})


@pytest.fixture
def narrow(clock: FakeClock) -> JobQueue:
    """A queue with room for three of each owner's."""
    return JobQueue(clock, per_owner=3)


@pytest.fixture
def backtests_of_three(
    database: Database, clock: FakeClock, narrow: JobQueue, strategies: FakeStrategies
) -> BacktestHandlers:
    """The handlers of backtests with that queue."""
    return BacktestHandlers(database, clock, narrow, strategies)


async def test_no_more_than_the_bound(
    backtests_of_three: BacktestHandlers,
    sweeps: SweepHandlers,
    endings: EndingHandlers,
    database: Database,
    jobs: Jobs,
    dataset: Dataset,
    ana: Call,
) -> None:
    """The next is refused with when to come back and what to do, and leaves nothing; once one is gone there is room."""
    runs = [await one_more(backtests_of_three, ana, dataset, number) for number in range(2)]
    await queued_sweep(sweeps, ana, dataset)
    with pytest.raises(QuotaExceeded, match="cancel some") as refused:
        await one_more(backtests_of_three, ana, dataset, 7)
    assert refused.value.retry_after == RETRY_SECONDS
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM backtests") == 2
        assert await connection.fetchval("SELECT count(*) FROM jobs") == 3
    await endings.cancel(CancelBacktest(id=runs[0].id), ana)
    await one_more(backtests_of_three, ana, dataset, 8)
    with pytest.raises(QuotaExceeded):
        await one_more(backtests_of_three, ana, dataset, 9)
    await work_off(jobs)
    assert await unfinished(database, ana) == 0
    await one_more(backtests_of_three, ana, dataset, 9)


async def test_each_owner_has_a_bound_of_its_own(
    backtests_of_three: BacktestHandlers, database: Database, dataset: Dataset, ana: Call, ben: Call
) -> None:
    """Ana's jobs take nothing of Ben's room."""
    for number in range(3):
        await one_more(backtests_of_three, ana, dataset, number)
    async with database.reading() as connection:
        await connection.execute("UPDATE datasets SET owner_id = $1", ben.user.user_id)
    await one_more(backtests_of_three, ben, dataset, 0)


async def test_requests_at_the_same_moment_do_not_pass_together(
    database: Database, clock: FakeClock, strategies: FakeStrategies, dataset: Dataset, ana: Call
) -> None:
    """Of twelve at once for five places five are taken, whoever is counted first."""
    backtests = BacktestHandlers(database, clock, JobQueue(clock, per_owner=5), strategies)
    answers = await asyncio.gather(
        *(one_more(backtests, ana, dataset, number) for number in range(12)), return_exceptions=True
    )
    assert len([answer for answer in answers if isinstance(answer, Backtest)]) == 5
    assert len([answer for answer in answers if isinstance(answer, QuotaExceeded)]) == 7
    assert await unfinished(database, ana) == 5


async def test_a_result_that_is_there_needs_no_room(
    database: Database,
    clock: FakeClock,
    backtests: BacktestHandlers,
    strategies: FakeStrategies,
    jobs: Jobs,
    dataset: Dataset,
    ana: Call,
) -> None:
    """A repeated request is answered at the bound too."""
    await one_more(backtests, ana, dataset, 0)
    await work_off(jobs)
    full = BacktestHandlers(database, clock, JobQueue(clock, per_owner=1), strategies)
    await one_more(full, ana, dataset, 1)
    assert (await one_more(full, ana, dataset, 0)).reused


@pytest.mark.usefixtures("sliced")
async def test_the_count_is_right_whatever_becomes_of_a_job(
    database: Database,
    jobs: Jobs,
    backtests: BacktestHandlers,
    endings: EndingHandlers,
    sweeps: SweepHandlers,
    sweep_endings: SweepEndingHandlers,
    dataset: Dataset,
    ana: Call,
) -> None:
    """Queued, running, lost by its worker, failed, cancelled, deleted, verified: what has not ended counts once."""
    runs = [await one_more(backtests, ana, dataset, number) for number in range(4)]
    assert await unfinished(database, ana) == 4
    first = await taken(jobs)
    assert await unfinished(database, ana) == 4
    await lapse(database, first.job.subject)
    again = await taken(jobs)
    assert (again.job.subject, again.job.lease) == (first.job.subject, 2)
    assert await unfinished(database, ana) == 4
    await jobs.fail(again, "there was a reason")
    assert await unfinished(database, ana) == 3
    second = await taken(jobs)
    await endings.cancel(CancelBacktest(id=second.job.subject), ana)
    assert await unfinished(database, ana) == 2
    waiting = next(run for run in runs if run.id not in {first.job.subject, second.job.subject})
    await endings.delete(DeleteBacktest(id=waiting.id, if_revision=None), ana)
    assert await unfinished(database, ana) == 1
    await work_off(jobs)
    assert await unfinished(database, ana) == 0
    done = next(run for run in runs if run.id not in {first.job.subject, second.job.subject, waiting.id})
    await endings.verify(VerifyBacktest(id=done.id), ana)
    assert await unfinished(database, ana) == 1
    await work_off(jobs)

    sweep = await queued_sweep(sweeps, ana, dataset)
    start = await taken(jobs)
    await jobs.succeed(start, await done_part(jobs, start))
    async with database.reading() as connection:
        waiting_slices = await connection.fetchval("SELECT count(*) FROM jobs WHERE kind = 'sweep_slice' AND NOT ended")
    assert (waiting_slices, await unfinished(database, ana)) == (SLICES, 1)
    await sweep_endings.cancel(CancelSweep(id=sweep.id), ana)
    assert await unfinished(database, ana) == 0


async def test_prefix_tests_have_a_bound_of_their_own(
    database: Database,
    clock: FakeClock,
    narrow: JobQueue,
    backtests_of_three: BacktestHandlers,
    dataset: Dataset,
    ana: Call,
) -> None:
    """An owner whose runs fill the queue can still store strategies, as many as there is room for tests."""
    for number in range(3):
        await one_more(backtests_of_three, ana, dataset, number)
    specs = SpecHandlers(database, clock, narrow)
    for number in range(3):
        await specs.accept(AcceptSpec(spec={**SMA_CROSS, "exit_long": f"f < {number}"}), ana)
    with pytest.raises(QuotaExceeded, match="prefix tests"):
        await specs.accept(AcceptSpec(spec={**SMA_CROSS, "exit_long": "f < 3"}), ana)
    await specs.accept(AcceptSpec(spec={**SMA_CROSS, "exit_long": "f < 0"}), ana)


async def test_all_together_have_a_bound(
    database: Database,
    clock: FakeClock,
    backtests: BacktestHandlers,
    sweeps: SweepHandlers,
    strategies: FakeStrategies,
    dataset: Dataset,
    ana: Call,
) -> None:
    """Once it is known that so many wait, nobody may add to them: 503, with when to come back."""
    backlog = Backlog()
    bounded = BacktestHandlers(database, clock, JobQueue(clock, backlog, of_all=2), strategies)
    await one_more(bounded, ana, dataset, 0)
    await queued_sweep(sweeps, ana, dataset)
    await QueueFigures(database, clock, backlog).read()
    with pytest.raises(Unavailable, match="2 jobs to do") as refused:
        await one_more(bounded, ana, dataset, 1)
    assert refused.value.retry_after == RETRY_SECONDS
    backlog.jobs = 1
    await one_more(bounded, ana, dataset, 1)


async def test_the_figures_of_the_queue(
    database: Database,
    clock: FakeClock,
    jobs: Jobs,
    backtests: BacktestHandlers,
    sweeps: SweepHandlers,
    dataset: Dataset,
    ana: Call,
) -> None:
    """What waits and what is being done, by kind, and for how long the oldest has waited."""
    figures = QueueFigures(database, clock, Backlog())
    assert figures.gauges() == []
    for number in range(3):
        await one_more(backtests, ana, dataset, number)
        clock.advance(seconds=10)
    await queued_sweep(sweeps, ana, dataset)
    await taken(jobs)
    clock.advance(seconds=5)
    await figures.read()
    kind, sweep = {"kind": "backtest"}, {"kind": "sweep_start"}
    assert sorted(figures.gauges(), key=repr) == sorted(
        [
            Gauge(name="jobs", labels={**kind, "state": "queued"}, value=2),
            Gauge(name="jobs", labels={**kind, "state": "running"}, value=1),
            Gauge(name="jobs", labels={**sweep, "state": "queued"}, value=1),
            Gauge(name="jobs_oldest_wait_seconds", labels=kind, value=25.0),
            Gauge(name="jobs_oldest_wait_seconds", labels=sweep, value=5.0),
        ],
        key=repr,
    )


def test_the_bounds_are_settings() -> None:
    """Read from the environment; what makes no sense stops the start."""
    url = {"DATABASE_URL": "postgresql://a:b@127.0.0.1/c"}
    found = load(BacktestSettings, {**url, "BACKTEST_JOBS_PER_OWNER": "7", "BACKTEST_JOBS": "70"})
    assert (found.backtest_jobs_per_owner, found.backtest_jobs) == (7, 70)
    assert replace(found, backtest_jobs_per_owner=10_000, backtest_jobs=1_000_000) == load(BacktestSettings, url)
    with pytest.raises(SettingsError, match="BACKTEST_JOBS_PER_OWNER must be a whole number from 1 to 1000000"):
        load(BacktestSettings, {**url, "BACKTEST_JOBS_PER_OWNER": "0"})

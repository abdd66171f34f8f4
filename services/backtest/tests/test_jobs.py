"""Taking and ending runs: one worker each, by a lease, with one event for every change that can be seen."""

import asyncio

import msgspec
import pytest

from services.backtest.handlers.backtests import BacktestHandlers
from services.backtest.job_kinds import Told
from services.backtest.jobs import Jobs, Taken
from services.backtest.store.jobs import Kind, Urgency, drop_unlocked_jobs, end_job, enqueue
from services.backtest.store.runs import Result, Task
from services.backtest.tests.steps import lapse, queued
from shared.contracts.events import BacktestFailed, BacktestQueued, BacktestStarted, BacktestSucceeded, Event
from shared.contracts.messages import ReadBacktest
from shared.contracts.objects import backtest_object, backtests_object
from shared.contracts.values import Backtest, Dataset
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from tests.clock import FakeClock

pytestmark = pytest.mark.integration

RESULT = Result(
    metrics={"final_value": 110.0, "total_return": 0.1, "sharpe": None, "trades": 3},
    warnings=["w"],
    result_digest="d" * 64,
    result_key="results/x/1",
)


async def taken(jobs: Jobs) -> Taken[Task, Result]:
    """The job that has been free longest, which there is."""
    found = await jobs.take()
    assert found is not None
    return found


def told(progress: Told | None) -> list[str]:
    """The states that are to be published. An end that was not stored has none."""
    assert progress is not None
    return [entry.status for entry in progress]


async def events_of(database: Database, run: Backtest) -> list[tuple[str, int, int]]:
    """The type, the version and the revision of its owner's list of each event of a run, in order."""
    async with database.reading() as connection:
        rows = await connection.fetch(
            "SELECT type, data FROM outbox WHERE subject = $1 AND stream = 'aurelius.events.backtest' ORDER BY id",
            backtest_object(run.id),
        )
    events = [(row["type"], msgspec.json.decode(row["data"], type=Event)) for row in rows]
    return [(kind, event.version, event.objects[backtests_object(run.owner_id)]) for kind, event in events]


async def test_runs_are_taken_in_order_by_one_worker_each(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, clock: FakeClock, ana: Call
) -> None:
    """Whoever has waited longest is next, and no two workers get the same run however hard they try."""
    runs = []
    for _ in range(4):
        runs.append((await queued(backtests, ana, dataset)).id)
        clock.advance(seconds=1)
    assert (await taken(jobs)).job.subject == runs[0]
    jobs_taken = await asyncio.gather(*(jobs.take() for _ in range(6)))
    assert sorted(found.job.subject for found in jobs_taken if found is not None) == runs[1:]


async def test_a_run_changes_visibly_twice(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, database: Database, clock: FakeClock, ana: Call
) -> None:
    """Started, then succeeded: each with the time, a higher revision, higher versions and one event."""
    run = await queued(backtests, ana, dataset)
    clock.advance(seconds=1)
    job = await taken(jobs)
    running = (await backtests.read(ReadBacktest(id=run.id), ana)).value
    assert isinstance(running, Backtest)
    assert (running.status, running.started_at, running.revision) == ("running", clock.time, 2)
    clock.advance(seconds=1)
    assert told(await jobs.succeed(job, RESULT)) == ["succeeded"]
    answer = await backtests.read(ReadBacktest(id=run.id), ana)
    done = answer.value
    assert isinstance(done, Backtest)
    assert (done.status, done.progress, done.finished_at, done.revision) == ("succeeded", 1.0, clock.time, 3)
    assert (done.metrics, done.warnings, done.result_digest) == (RESULT.metrics, ["w"], "d" * 64)
    assert answer.versions == {backtest_object(run.id): 3}
    assert await events_of(database, run) == [
        (BacktestQueued.TYPE, 1, 1),
        (BacktestStarted.TYPE, 2, 2),
        (BacktestSucceeded.TYPE, 3, 3),
    ]


async def test_a_failed_run_says_why(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """The sentence is in the resource, and the event is there."""
    run = await queued(backtests, ana, dataset)
    assert told(await jobs.fail(await taken(jobs), "There was a reason")) == ["failed"]
    failed = (await backtests.read(ReadBacktest(id=run.id), ana)).value
    assert isinstance(failed, Backtest)
    assert (failed.status, failed.error, failed.metrics) == ("failed", "There was a reason", None)
    assert (await events_of(database, run))[-1][0] == BacktestFailed.TYPE


async def test_a_lapsed_lease_fences_off_its_holder(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """Once another worker has the run, nothing that the first one does shows, and the second's result stands."""
    run = await queued(backtests, ana, dataset)
    first = await taken(jobs)
    assert await jobs.renew(first)
    assert await jobs.take() is None
    await lapse(database, run.id)
    second = await taken(jobs)
    assert (second.job.subject, second.job.lease) == (run.id, first.job.lease + 1)
    assert not await jobs.renew(first)
    assert await jobs.fail(first, "late") is None
    await jobs.release(first)
    assert await jobs.take() is None
    assert told(await jobs.succeed(second, RESULT)) == ["succeeded"]
    late = msgspec.structs.replace(RESULT, result_digest="e" * 64)
    assert await jobs.succeed(first, late) is None
    done = (await backtests.read(ReadBacktest(id=run.id), ana)).value
    assert isinstance(done, Backtest)
    assert done.result_digest == RESULT.result_digest
    assert [kind for kind, _, _ in await events_of(database, run)] == [
        BacktestQueued.TYPE,
        BacktestStarted.TYPE,
        BacktestSucceeded.TYPE,
    ]


async def test_an_end_that_is_stored_again_is_stored_once(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """When the answer to a COMMIT was lost, the worker tries again, and is told that its result is in."""
    run = await queued(backtests, ana, dataset)
    job = await taken(jobs)
    assert told(await jobs.succeed(job, RESULT)) == ["succeeded"]
    assert told(await jobs.succeed(job, RESULT)) == []
    assert len(await events_of(database, run)) == 3


async def test_a_run_handed_back_is_free_at_once_and_not_counted(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, ana: Call
) -> None:
    """A worker that is told to stop costs the run nothing; one that dies costs it an attempt."""
    await queued(backtests, ana, dataset)
    for lease in (1, 2, 3, 4, 5):
        job = await taken(jobs)
        assert (job.job.lease, job.job.attempts) == (lease, 1)
        await jobs.release(job)


async def test_parts_are_taken_in_order_after_what_is_more_urgent(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, database: Database, clock: FakeClock, ana: Call
) -> None:
    """Somebody waits for a single run: it goes before the parts of something large that was asked for earlier."""
    large = await queued(backtests, ana, dataset)
    async with database.transaction() as connection:
        await drop_unlocked_jobs(connection, large.id)
        await enqueue(
            connection,
            subject=large.id,
            kind=Kind.BACKTEST,
            owner_id=ana.user.user_id,
            urgency=Urgency.BULK,
            now=clock.now(),
            traceparent="",
            parts=3,
        )
    clock.advance(seconds=1)
    single = await queued(backtests, ana, dataset)
    found = [(await taken(jobs)).job for _ in range(4)]
    assert [(job.subject, job.part) for job in found] == [(single.id, 0), *((large.id, part) for part in range(3))]
    assert await jobs.take() is None


async def test_a_kind_of_a_newer_release_is_left_for_its_workers(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """While a release is rolled out, the workers of both take what they know."""
    await queued(backtests, ana, dataset)
    async with database.reading() as connection:
        await connection.execute("UPDATE jobs SET kind = 'of the future'")
    assert await jobs.take() is None


async def test_a_job_whose_subject_is_gone_is_ended(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """It is not looked at again and again, and the one behind it is taken."""
    gone, there = [await queued(backtests, ana, dataset) for _ in range(2)]
    async with database.reading() as connection:
        await connection.execute("UPDATE backtests SET status = 'cancelled' WHERE id = $1", gone.id)
    assert (await taken(jobs)).job.subject == there.id
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT ended FROM jobs WHERE subject = $1", gone.id)


async def test_what_has_ended_can_wait_again_and_what_waits_is_left(
    jobs: Jobs, backtests: BacktestHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """Asked for twice it is done once; asked for after its end it is done again, under a lease of its own."""
    run = await queued(backtests, ana, dataset)

    async def again() -> None:
        async with database.transaction() as connection:
            await enqueue(
                connection,
                subject=run.id,
                kind=Kind.BACKTEST,
                owner_id=run.owner_id,
                urgency=Urgency.SINGLE,
                now=run.created_at,
                traceparent="",
            )

    await again()
    first = await taken(jobs)
    await again()
    assert await jobs.take() is None
    async with database.transaction() as connection:
        assert await end_job(connection, first.job)
    await again()
    second = await taken(jobs)
    assert (second.job.lease, second.job.attempts) == (first.job.lease + 1, 1)

"""A sweep in slices: several workers, killed ones, late ones."""

import asyncio
from typing import Any

import pytest

from services.backtest.handlers.sweep_results import SweepResultHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.job_kinds import ready_sweep
from services.backtest.job_kinds.identities import OTHER_ENGINE
from services.backtest.job_kinds.sweep_ends import LOST
from services.backtest.job_kinds.sweep_results import INCOMPLETE
from services.backtest.job_loop import JobLoop
from services.backtest.jobs import Jobs, Taken
from services.backtest.store.jobs import Kind
from services.backtest.store.sweep_runs import Counted, count_slice
from services.backtest.tests.steps import files_of, lapse, until, work_off
from services.backtest.tests.sweep_steps import (
    SLICES,
    done_part,
    events_of_sweep,
    queued_sweep,
    read_sweep,
    rows_of,
    taken,
    to_the_last_slices,
    worker,
)
from shared.contracts.jobs import Progress
from shared.contracts.values import Dataset
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.seconds import allowed

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures("sliced")
async def test_slices_make_the_same_whole(
    jobs: Jobs,
    sweeps: SweepHandlers,
    sweep_results: SweepResultHandlers,
    objects: Objects,
    dataset: Dataset,
    database: Database,
    ana: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Digest, rows and best are those of the sweep in one piece, and of its slices only their rows' file stays."""
    divided = await queued_sweep(sweeps, ana, dataset)
    await work_off(jobs)
    monkeypatch.undo()
    whole = await queued_sweep(sweeps, ana, dataset)
    await work_off(jobs)
    found = [await read_sweep(sweeps, sweep, ana) for sweep in (divided, whole)]
    assert [sweep.status for sweep in found] == ["succeeded"] * 2
    assert found[0].result_digest == found[1].result_digest
    assert found[0].best == found[1].best
    assert await rows_of(sweep_results, divided, ana) == await rows_of(sweep_results, whole, ana)
    assert files_of(objects) == ["sweep_end.0.1.arrow", "sweep_start.0.1.arrow"]
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT slices FROM sweeps WHERE id = $1", divided.id) == SLICES
        left = await connection.fetch("SELECT kind FROM jobs WHERE subject = $1 ORDER BY kind", divided.id)
    assert [row["kind"] for row in left] == ["removal", "sweep_end"]


@pytest.mark.usefixtures("sliced")
async def test_progress_only_grows_and_is_that_of_the_slices(
    jobs: Jobs, sweeps: SweepHandlers, dataset: Dataset, ana: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end counts as a part too; what is done is how many combinations have been computed."""
    monkeypatch.setattr("services.backtest.store.sweep_runs.TOLD_SECONDS", 0.0)
    sweep = await queued_sweep(sweeps, ana, dataset)
    told: list[Progress] = []
    seen: list[tuple[float, int]] = []
    loop = JobLoop(jobs, told.append)
    while await loop.work():
        now = await read_sweep(sweeps, sweep, ana)
        seen.append((now.progress, now.done))
    assert [entry.progress for entry in told] == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert [entry.status for entry in told] == ["running"] * 5 + ["succeeded"]
    assert [progress for progress, _ in seen[:7]] == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert [done for _, done in seen] == sorted(done for _, done in seen)
    assert seen[-1][1] == 15


@pytest.mark.usefixtures("sliced")
async def test_progress_is_told_ten_times_a_second_at_most(
    jobs: Jobs, sweeps: SweepHandlers, dataset: Dataset, ana: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By all workers together: here the time between two is longer than the sweep."""
    monkeypatch.setattr("services.backtest.store.sweep_runs.TOLD_SECONDS", 3600.0)
    await queued_sweep(sweeps, ana, dataset)
    told = await work_off(jobs)
    assert [entry.progress for entry in told] == pytest.approx([0.0, 0.2, 1.0])


@pytest.mark.usefixtures("sliced")
async def test_workers_share_out_a_sweep(
    sweeps: SweepHandlers, objects: Objects, dataset: Dataset, database: Database, ana: Call
) -> None:
    """Each slice is computed once and the sweep ends once, whoever is first."""
    alone = await queued_sweep(sweeps, ana, dataset)
    loop = worker(database, objects)
    while await loop.work():
        pass
    shared = await queued_sweep(sweeps, ana, dataset)
    told: list[Progress] = []
    loops = [worker(database, objects, told.append) for _ in range(3)]
    async with asyncio.timeout(allowed(30)):
        while (await read_sweep(sweeps, shared, ana)).status != "succeeded":
            await asyncio.gather(*(loop.work() for loop in loops))
    found = [await read_sweep(sweeps, sweep, ana) for sweep in (alone, shared)]
    assert found[0].result_digest == found[1].result_digest
    assert (found[1].done, found[1].best) == (15, found[0].best)
    assert [entry.status for entry in told].count("succeeded") == 1
    assert [kind for kind, _ in await events_of_sweep(database, shared)] == ["queued", "started", "succeeded"]


@pytest.mark.usefixtures("sliced")
async def test_the_last_two_slices_ending_at_once_end_the_sweep_once(
    jobs: Jobs, sweeps: SweepHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """Each counts the other: one of them has the end wait, whichever commits last."""
    for _ in range(5):
        sweep = await queued_sweep(sweeps, ana, dataset)
        last = await to_the_last_slices(jobs, 2)
        results = [await done_part(jobs, job) for job in last]
        await asyncio.gather(*(jobs.succeed(job, result) for job, result in zip(last, results, strict=True)))
        end = await taken(jobs)
        assert (end.job.subject, end.job.kind) == (sweep.id, Kind.SWEEP_END)
        assert await jobs.take() is None
        await jobs.succeed(end, await done_part(jobs, end))
        assert (await read_sweep(sweeps, sweep, ana)).status == "succeeded"
        await work_off(jobs)


@pytest.mark.usefixtures("sliced")
@pytest.mark.parametrize("victim", range(1 + SLICES + 1))
async def test_a_killed_worker_costs_its_job_and_no_bit(
    jobs: Jobs,
    sweeps: SweepHandlers,
    sweep_results: SweepResultHandlers,
    objects: Objects,
    dataset: Dataset,
    database: Database,
    ana: Call,
    victim: int,
) -> None:
    """Whichever job it was at, and though its file is there: the next worker's is the same, and its own goes."""
    expected = await queued_sweep(sweeps, ana, dataset)
    await work_off(jobs)
    sweep = await queued_sweep(sweeps, ana, dataset)
    for _ in range(victim):
        job = await taken(jobs)
        await jobs.succeed(job, await done_part(jobs, job))
    dead = await taken(jobs)
    await done_part(jobs, dead)
    await lapse(database, sweep.id)
    again = await taken(jobs)
    assert (again.job.kind, again.job.part, again.job.lease) == (dead.job.kind, dead.job.part, dead.job.lease + 1)
    await jobs.succeed(again, await done_part(jobs, again))
    await work_off(jobs)
    found = [await read_sweep(sweeps, each, ana) for each in (expected, sweep)]
    assert (found[1].status, found[1].result_digest) == ("succeeded", found[0].result_digest)
    assert len(files_of(objects)) == 2


@pytest.mark.usefixtures("sliced")
async def test_a_slice_is_the_same_file_whoever_makes_it(
    jobs: Jobs,
    sweeps: SweepHandlers,
    objects: Objects,
    dataset: Dataset,
    database: Database,
    ana: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To the byte, in however many parts it was computed."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    (first,) = await to_the_last_slices(jobs, 1)
    one = await done_part(jobs, first)
    monkeypatch.setattr(ready_sweep, "FIRST_WORK", 1)
    await lapse(database, sweep.id)
    second = await taken(jobs)
    two = await done_part(jobs, second)
    assert one.key != two.key
    assert await objects.get(one.key) == await objects.get(two.key)


@pytest.mark.usefixtures("sliced")
async def test_an_end_that_is_stored_again_keeps_its_results(
    jobs: Jobs, sweeps: SweepHandlers, sweep_results: SweepResultHandlers, objects: Objects, dataset: Dataset, ana: Call
) -> None:
    """When the answer to a COMMIT was lost, the worker tries again, is told that it is in, and discards nothing."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    (last,) = await to_the_last_slices(jobs, 1)

    async def stored_twice(job: Taken[Any, Any]) -> None:
        result = await done_part(jobs, job)
        assert await jobs.succeed(job, result) is not None
        assert await jobs.succeed(job, result) == []

    await stored_twice(last)
    await stored_twice(await taken(jobs))
    assert (await read_sweep(sweeps, sweep, ana)).done == 15
    assert len(await rows_of(sweep_results, sweep, ana)) == 15


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ("run_identity = (run_identity::jsonb || '{\"engine_version\": 999}')::json", OTHER_ENGINE),
        ("run_identity = '{}'", OTHER_ENGINE),
        ("slices = 3", OTHER_ENGINE),
        ("combinations = 16", INCOMPLETE),
    ],
)
@pytest.mark.usefixtures("sliced")
async def test_a_sweep_of_another_engine_is_not_mixed(
    jobs: Jobs,
    sweeps: SweepHandlers,
    objects: Objects,
    dataset: Dataset,
    database: Database,
    ana: Call,
    change: str,
    error: str,
) -> None:
    """Nor one that another release divided or counted otherwise: it fails and says what to do."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    await jobs.release((await to_the_last_slices(jobs, 1))[0])
    async with database.reading() as connection:
        await connection.execute(f"UPDATE sweeps SET {change} WHERE id = $1", sweep.id)
    loop = worker(database, objects)
    while await loop.work():
        pass
    async with database.reading() as connection:
        row = await connection.fetchrow("SELECT status, error FROM sweeps WHERE id = $1", sweep.id)
    assert row is not None
    assert (row["status"], row["error"]) == ("failed", error)


@pytest.mark.usefixtures("sliced")
async def test_a_lost_slice_is_no_riddle(
    jobs: Jobs, sweeps: SweepHandlers, objects: Objects, dataset: Dataset, ana: Call
) -> None:
    """When somebody has emptied the object store, the sweep fails and says what to do."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    (last,) = await to_the_last_slices(jobs, 1)
    result = await done_part(jobs, last)
    await jobs.succeed(last, result)
    await objects.delete(result.key)
    await work_off(jobs)
    failed = await read_sweep(sweeps, sweep, ana)
    assert (failed.status, failed.error) == ("failed", LOST)


@pytest.mark.usefixtures("sliced")
async def test_of_two_slices_that_end_at_once_one_is_told(
    jobs: Jobs, sweeps: SweepHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """The second one waits for the first to commit, and sees that progress has just been told."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    await to_the_last_slices(jobs, 4)

    async def waits() -> bool:
        async with database.reading() as connection:
            return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))

    async def counted() -> Counted | None:
        async with database.transaction() as connection:
            return await count_slice(connection, sweep.id, 1)

    async with database.transaction() as connection:
        first = await count_slice(connection, sweep.id, 1)
        second = asyncio.create_task(counted())
        await until(waits, seconds=4)
    found = [first, await second]
    assert [(each.slices_done, each.to_tell) for each in found if each is not None] == [(1, True), (2, False)]

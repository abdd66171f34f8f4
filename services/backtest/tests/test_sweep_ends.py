"""How sweeps end before their end: cancelled, failed, deleted, whatever their workers are at."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from services.backtest import job_loop
from services.backtest.core.sweep import run as sweep_run
from services.backtest.handlers.sweep_endings import SweepEndingHandlers
from services.backtest.handlers.sweeps import SweepHandlers
from services.backtest.job_kinds import ready_sweep
from services.backtest.job_kinds.ready_sweep import ReadySweep, ReadySweeps
from services.backtest.job_loop import GIVEN_UP, MAX_ATTEMPTS
from services.backtest.jobs import Jobs
from services.backtest.tests.steps import files_of, lapse, work_off
from services.backtest.tests.sweep_steps import (
    SLICES,
    done_part,
    events_of_sweep,
    queued_sweep,
    read_sweep,
    taken,
    to_the_last_slices,
    worker,
)
from services.backtest.threads import Stopped
from shared.contracts.errors import Conflict, NotFound, PreconditionFailed
from shared.contracts.ids import new_id
from shared.contracts.jobs import Progress
from shared.contracts.messages import CancelSweep, DeleteSweep, ReadSweep
from shared.contracts.objects import sweep_object, sweeps_object
from shared.contracts.sweep_values import Sweep
from shared.contracts.values import Dataset
from shared.runtime.bus.server import Call
from shared.runtime.database import Database
from shared.runtime.objects import Objects
from tests.clock import FakeClock
from tests.seconds import allowed

pytestmark = pytest.mark.integration


@pytest.mark.usefixtures("sliced")
async def test_a_cancelled_sweep_leaves_nothing(
    jobs: Jobs,
    sweeps: SweepHandlers,
    sweep_endings: SweepEndingHandlers,
    objects: Objects,
    dataset: Dataset,
    database: Database,
    clock: FakeClock,
    published: list[Progress],
    ana: Call,
) -> None:
    """No further slice is taken, what is being computed is not stored, and all files go. Once more changes nothing."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    held, other = await to_the_last_slices(jobs, 2)
    answer = await sweep_endings.cancel(CancelSweep(id=sweep.id), ana)
    assert isinstance(answer.value, Sweep)
    assert (answer.value.status, answer.value.finished_at, answer.value.revision) == ("cancelled", clock.time, 3)
    assert answer.versions == {sweep_object(sweep.id): 3, sweeps_object(sweep.owner_id): 3}
    assert not await jobs.renew(held)
    assert await jobs.succeed(held, await done_part(jobs, held)) is None
    await held.work.discard(await done_part(jobs, held))
    assert await jobs.fail(other, "late") is None
    await work_off(jobs)
    assert files_of(objects) == []
    again = await sweep_endings.cancel(CancelSweep(id=sweep.id), ana)
    assert (again.value, again.versions) == (answer.value, {sweep_object(sweep.id): 3})
    assert [kind for kind, _ in await events_of_sweep(database, sweep)] == ["queued", "started", "cancelled"]
    assert [(entry.id, entry.status) for entry in published] == [(sweep.id, "cancelled")]


@pytest.mark.usefixtures("sliced")
async def test_ends_that_cross_do_not_wait_for_each_other(
    jobs: Jobs,
    sweeps: SweepHandlers,
    sweep_endings: SweepEndingHandlers,
    objects: Objects,
    dataset: Dataset,
    database: Database,
    ana: Call,
) -> None:
    """A slice that ends, one that fails, one that begins, and a cancellation, all at once: one outcome, no deadlock."""
    for _ in range(5):
        sweep = await queued_sweep(sweeps, ana, dataset)
        first, second = await to_the_last_slices(jobs, 2)
        await jobs.release(second)
        result = await done_part(jobs, first)

        async def cancel(sweep_id: str = sweep.id) -> None:
            with contextlib.suppress(Conflict):  # it has failed already
                await sweep_endings.cancel(CancelSweep(id=sweep_id), ana)

        # A deadlock would be raised here.
        await asyncio.gather(jobs.succeed(first, result), jobs.take(), cancel(), jobs.fail(first, "why"))
        assert (await read_sweep(sweeps, sweep, ana)).status in {"cancelled", "failed"}
        await work_off(jobs)
        await sweep_endings.delete(DeleteSweep(id=sweep.id), ana)
        await work_off(jobs)
        assert files_of(objects) == []


@pytest.mark.usefixtures("sliced")
async def test_a_worker_leaves_a_cancelled_sweep_within_a_second(
    sweeps: SweepHandlers,
    sweep_endings: SweepEndingHandlers,
    objects: Objects,
    dataset: Dataset,
    database: Database,
    ana: Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the middle of a slice too: between two parts of it."""
    begun = asyncio.Event()
    left = threading.Event()
    event_loop = asyncio.get_running_loop()

    def endless(_: ReadySweep, __: int, stop: threading.Event) -> list[Any]:
        event_loop.call_soon_threadsafe(begun.set)
        stop.wait()
        left.set()
        return []

    sweep = await queued_sweep(sweeps, ana, dataset)
    loop = worker(database, objects)
    assert await loop.work()
    monkeypatch.setattr(ReadySweep, "computed", endless)
    working = asyncio.create_task(loop.work())
    await begun.wait()
    cancelled_at = time.monotonic()
    await sweep_endings.cancel(CancelSweep(id=sweep.id), ana)
    await working
    assert await asyncio.to_thread(left.wait, allowed(1))
    assert time.monotonic() - cancelled_at < allowed(job_loop.RENEW_SECONDS + 0.5)


async def test_a_stop_is_looked_for_between_the_parts_of_a_slice(
    jobs: Jobs, sweeps: SweepHandlers, objects: Objects, dataset: Dataset, ana: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has been computed by then is dropped; a part grows or shrinks to a fraction of a second."""
    monkeypatch.setattr(ready_sweep, "FIRST_WORK", 1)
    sizes: list[int] = []
    stop = threading.Event()
    run = sweep_run.Sweep.run

    def counted(self: sweep_run.Sweep, start: int, end: int, between: Callable[[], None]) -> Any:
        sizes.append(end - start)
        if len(sizes) == 3:
            stop.set()
        return run(self, start, end, between)

    monkeypatch.setattr(sweep_run.Sweep, "run", counted)
    await queued_sweep(sweeps, ana, dataset)
    job = await taken(jobs)
    ready = await ReadySweeps(objects).of(job.job.subject, job.task)
    with pytest.raises(Stopped):
        ready.computed(0, stop)
    assert sizes == [1, 2, 4]
    assert len(ready.computed(0, threading.Event())) > 3


@pytest.mark.usefixtures("sliced")
async def test_a_failed_slice_fails_the_sweep(
    jobs: Jobs, sweeps: SweepHandlers, objects: Objects, dataset: Dataset, database: Database, ana: Call
) -> None:
    """With its sentence; the other slices are let go of, one that ends at that moment too, and no file stays."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    first, second = await to_the_last_slices(jobs, 2)
    result = await done_part(jobs, second)
    assert [entry.status for entry in await jobs.fail(first, "There was a reason") or []] == ["failed"]
    assert await jobs.succeed(second, result) is None
    await second.work.discard(result)
    await work_off(jobs)
    failed = await read_sweep(sweeps, sweep, ana)
    assert (failed.status, failed.error) == ("failed", "There was a reason")
    assert files_of(objects) == []
    assert [kind for kind, _ in await events_of_sweep(database, sweep)] == ["queued", "started", "failed"]


@pytest.mark.usefixtures("sliced")
async def test_a_slice_that_kills_its_workers_is_given_up(
    jobs: Jobs, sweeps: SweepHandlers, dataset: Dataset, database: Database, ana: Call
) -> None:
    """And the sweep with it, instead of killing all workers one after the other."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    await to_the_last_slices(jobs, 1)
    for _ in range(MAX_ATTEMPTS - 1):
        await lapse(database, sweep.id)
        await taken(jobs)
    await lapse(database, sweep.id)
    await work_off(jobs)
    failed = await read_sweep(sweeps, sweep, ana)
    assert (failed.status, failed.error) == ("failed", GIVEN_UP)


@pytest.mark.usefixtures("sliced")
@pytest.mark.parametrize("place", [0, 1, 1 + SLICES])
async def test_a_job_that_began_as_its_sweep_ended_leaves_nothing(
    jobs: Jobs,
    sweeps: SweepHandlers,
    objects: Objects,
    dataset: Dataset,
    database: Database,
    ana: Call,
    place: int,
) -> None:
    """Whatever comes of it, even after the files have been removed: nothing is stored, and they are removed again."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    for _ in range(place):
        job = await taken(jobs)
        await jobs.succeed(job, await done_part(jobs, job))
    late = await taken(jobs)
    async with database.reading() as connection:
        await connection.execute("UPDATE sweeps SET status = 'failed', error = 'why' WHERE id = $1", sweep.id)
    assert await jobs.succeed(late, await done_part(jobs, late)) == []
    await work_off(jobs)
    assert files_of(objects) == []
    found = await read_sweep(sweeps, sweep, ana)
    assert (found.status, found.error, found.revision) == ("failed", "why", 2)
    assert [kind for kind, _ in await events_of_sweep(database, sweep)] == ["queued", "started"]


async def test_a_deleted_sweep_is_gone_with_its_files(
    jobs: Jobs,
    sweeps: SweepHandlers,
    sweep_endings: SweepEndingHandlers,
    objects: Objects,
    dataset: Dataset,
    database: Database,
    ana: Call,
) -> None:
    """With its jobs, and with one event; a revision that is not the newest is refused."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    await work_off(jobs)
    with pytest.raises(PreconditionFailed, match="revision 3"):
        await sweep_endings.delete(DeleteSweep(id=sweep.id, if_revision=(1,)), ana)
    with pytest.raises(Conflict, match="has succeeded already"):
        await sweep_endings.cancel(CancelSweep(id=sweep.id), ana)
    assert len(files_of(objects)) == 1
    answer = await sweep_endings.delete(DeleteSweep(id=sweep.id, if_revision=(3,)), ana)
    assert answer.versions == {sweep_object(sweep.id): 4, sweeps_object(sweep.owner_id): 4}
    with pytest.raises(NotFound):
        await read_sweep(sweeps, sweep, ana)
    await work_off(jobs)
    assert files_of(objects) == []
    assert [kind for kind, _ in await events_of_sweep(database, sweep)][-1] == "deleted"


async def test_another_accounts_sweep_is_not_found(
    sweeps: SweepHandlers, sweep_endings: SweepEndingHandlers, dataset: Dataset, ana: Call, ben: Call
) -> None:
    """Nor is an id that is none."""
    sweep = await queued_sweep(sweeps, ana, dataset)
    for sweep_id in (sweep.id, new_id(), "no id"):
        for use in (
            sweep_endings.cancel(CancelSweep(id=sweep_id), ben),
            sweep_endings.delete(DeleteSweep(id=sweep_id), ben),
            sweeps.read(ReadSweep(id=sweep_id), ben),
        ):
            with pytest.raises(NotFound):
                await use
    assert (await read_sweep(sweeps, sweep, ana)).status == "queued"

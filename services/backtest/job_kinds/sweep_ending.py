"""What the kinds of job of a sweep write in common: its beginning, how it ended, and that its files can go."""

from datetime import datetime

from services.backtest.files.result_file import results_of
from services.backtest.job_kinds.work import Told
from services.backtest.spent_files import free_files
from services.backtest.store.jobs import Job, Kind, drop_unlocked_jobs
from services.backtest.store.sweep_runs import (
    SweepEnd,
    SweepTask,
    mark_sweep_failed,
    mark_sweep_running,
    mark_sweep_succeeded,
    read_sweep_task,
)
from shared.contracts.clock import Clock
from shared.contracts.errors import NotFound
from shared.contracts.events import Event, SweepFailed, SweepStarted, SweepSucceeded
from shared.contracts.jobs import Progress
from shared.contracts.objects import sweep_object, sweeps_object
from shared.contracts.values import BacktestStatus
from shared.runtime.database import Connection, Transaction
from shared.runtime.outbox import announce

_AT_SUCCESS = ["status", "progress", "done", "best", "warnings", "result_digest", "finished_at"]


class SweepRow:
    """The row of a sweep as its workers change it. A sweep that somebody has ended meanwhile stays as it is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def begin(self, connection: Transaction, job: Job, now: datetime) -> SweepTask:
        """Return the sweep, and note that it is running. Raises NotFound when it has been ended."""
        if await mark_sweep_running(connection, job.subject, now):
            await self._announce(connection, job, SweepStarted, ["status", "started_at"])
        task = await read_sweep_task(connection, job.subject)
        if task is None:
            raise NotFound("There is no such sweep any more")
        return task

    async def succeed(self, connection: Transaction, job: Job, end: SweepEnd, now: datetime) -> Told:
        """Store the results; the files of the slices, and those of workers that died or came late, can go."""
        if not await mark_sweep_succeeded(connection, job.subject, end, now):
            return await self.leave(connection, job, now)
        if job.kind != Kind.SWEEP_START or job.lease > 1:
            await drop_unlocked_jobs(connection, job.subject, job)
            await self._free_files(connection, job, now)
        await self._announce(connection, job, SweepSucceeded, _AT_SUCCESS)
        return told(job, "succeeded", 1.0)

    async def fail(self, connection: Transaction, job: Job, error: str, now: datetime) -> Told:
        """Store why there are no results, and let go of what else there was to do."""
        progress = await mark_sweep_failed(connection, job.subject, error, now)
        if progress is None:
            return await self.leave(connection, job, now)
        await drop_unlocked_jobs(connection, job.subject, job)
        await self._free_files(connection, job, now)
        await self._announce(connection, job, SweepFailed, ["status", "error", "finished_at"])
        return told(job, "failed", progress)

    async def leave(self, connection: Transaction, job: Job, now: datetime) -> Told:
        """Have what was made of a sweep that somebody has ended meanwhile removed."""
        await drop_unlocked_jobs(connection, job.subject, job)
        await self._free_files(connection, job, now)
        return []

    async def _free_files(self, connection: Connection, job: Job, now: datetime) -> None:
        await free_files(connection, job.subject, job.owner_id, now, job.traceparent)

    async def _announce(self, connection: Transaction, job: Job, kind: type[Event], changed: list[str]) -> None:
        event = kind(id=job.subject, owner=job.owner_id, version=0, changed=changed)
        objects = [sweep_object(job.subject), sweeps_object(job.owner_id)]
        await announce(connection, event, objects, clock=self._clock, traceparent=job.traceparent)


def file_key(job: Job) -> str:
    """Return where the holder of this lease keeps what it makes of a sweep, apart from any other."""
    return slice_key(job.subject, job.kind, job.part, job.lease)


def slice_key(sweep_id: str, kind: str, part: int, lease: int) -> str:
    """Return where the holder of a lease has kept what it made."""
    return f"{results_of(sweep_id)}{kind}.{part}.{lease}.arrow"


def told(job: Job, status: BacktestStatus, progress: float) -> Told:
    """Return what is to be published of a sweep."""
    return [Progress(id=job.subject, owner=job.owner_id, status=status, progress=progress)]

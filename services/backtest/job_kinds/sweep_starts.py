"""The start of a sweep: a small one is done whole, a larger one is divided into slices, a job each."""

import tempfile
import threading
from datetime import datetime
from pathlib import Path

import msgspec

from services.backtest.files.sweep_file import SweepWriter, write_slice
from services.backtest.job_kinds.ready_sweep import ReadySweep, ReadySweeps
from services.backtest.job_kinds.sweep_ending import SweepRow, file_key, told
from services.backtest.job_kinds.sweep_results import sweep_end
from services.backtest.job_kinds.work import Told
from services.backtest.job_queue import wake_a_worker
from services.backtest.store.jobs import Job, Kind, Urgency, enqueue
from services.backtest.store.sweep_runs import SweepEnd, SweepTask, divide_sweep
from services.backtest.stored_files import store_files
from services.backtest.threads import in_thread
from shared.contracts.clock import Clock
from shared.runtime.database import Transaction
from shared.runtime.objects import Objects

WOKEN = 16
"""Workers that are woken for the slices; any others find them when they next look."""


class Divided(msgspec.Struct, frozen=True):
    """Into how many slices a sweep is divided."""

    slices: int


class SweepStartWork:
    """Begins sweeps. One that is a single slice has its results when this ends."""

    KIND = Kind.SWEEP_START
    METHOD = "sweep.start"

    def __init__(self, objects: Objects, clock: Clock, sweeps: ReadySweeps) -> None:
        self._objects = objects
        self._clock = clock
        self._sweeps = sweeps
        self._row = SweepRow(clock)

    async def begin(self, connection: Transaction, job: Job, now: datetime) -> tuple[SweepTask, Told]:
        """Return the sweep, and note that it is running. Raises NotFound when it has been ended."""
        return await self._row.begin(connection, job, now), told(job, "running", 0.0)

    async def compute(self, job: Job, task: SweepTask, stop: threading.Event) -> Divided | SweepEnd:
        """Return its slices, or its results when there is but one. Raises as ReadySweeps does."""
        ready = await self._sweeps.of(job.subject, task)
        if len(ready.slices) > 1:
            return Divided(len(ready.slices))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "sweep.arrow")
            end = await in_thread(_whole, task, ready, file, file_key(job), stop)
            if not stop.is_set():
                await store_files(self._objects, {end.result_key: file})
        return end

    async def succeed(
        self, connection: Transaction, job: Job, _: SweepTask, result: Divided | SweepEnd, now: datetime
    ) -> Told:
        """Store the results, or have the slices wait."""
        if isinstance(result, SweepEnd):
            return await self._row.succeed(connection, job, result, now)
        asked_at = await divide_sweep(connection, job.subject, result.slices)
        if asked_at is None:
            return await self._row.leave(connection, job, now)
        await enqueue(
            connection,
            subject=job.subject,
            kind=Kind.SWEEP_SLICE,
            owner_id=job.owner_id,
            urgency=Urgency.BULK,
            now=asked_at,
            traceparent=job.traceparent,
            parts=result.slices,
        )
        for _number in range(min(result.slices - 1, WOKEN)):
            await wake_a_worker(connection, job.subject, job.owner_id, self._clock, job.traceparent)
        return []

    async def fail(self, connection: Transaction, job: Job, error: str, now: datetime) -> Told:
        """Store why the sweep has no results."""
        return await self._row.fail(connection, job, error, now)

    async def discard(self, result: Divided | SweepEnd) -> None:
        """Delete the file of results that were not accepted. Raises Unavailable."""
        if isinstance(result, SweepEnd):
            await self._objects.delete(result.result_key)


def _whole(task: SweepTask, ready: ReadySweep, file: Path, key: str, stop: threading.Event) -> SweepEnd:
    rows = file.with_suffix(".slice")
    write_slice(rows, ready.computed(0, stop))
    with SweepWriter(file) as writer:
        writer.add(rows)
    return sweep_end(task, ready, writer, file, key, stop)

"""A slice of a sweep: some of its combinations, computed into a file of their own."""

import tempfile
import threading
from datetime import datetime
from pathlib import Path

import msgspec

from services.backtest.files.sweep_file import write_slice
from services.backtest.job_kinds.ready_sweep import ReadySweep, ReadySweeps
from services.backtest.job_kinds.sweep_ending import SweepRow, file_key, told
from services.backtest.job_kinds.work import Told
from services.backtest.store.jobs import Job, Kind, Urgency, enqueue
from services.backtest.store.sweep_runs import SweepTask, count_slice
from services.backtest.stored_files import store_files
from services.backtest.threads import in_thread
from shared.contracts.clock import Clock
from shared.runtime.database import Transaction
from shared.runtime.objects import Objects


class SliceResult(msgspec.Struct, frozen=True):
    """How many combinations a slice has, and where they are."""

    combinations: int
    key: str


class SweepSliceWork:
    """Computes slices. The file of one is the same to the bit, whoever makes it."""

    KIND = Kind.SWEEP_SLICE
    METHOD = "sweep.slice"

    def __init__(self, objects: Objects, clock: Clock, sweeps: ReadySweeps) -> None:
        self._objects = objects
        self._sweeps = sweeps
        self._row = SweepRow(clock)

    async def begin(self, connection: Transaction, job: Job, now: datetime) -> tuple[SweepTask, Told]:
        """Return the sweep. Raises NotFound when it has been ended."""
        return await self._row.begin(connection, job, now), []

    async def compute(self, job: Job, task: SweepTask, stop: threading.Event) -> SliceResult:
        """Compute the slice and store its file. Raises as ReadySweeps does."""
        ready = await self._sweeps.of(job.subject, task)
        key = file_key(job)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "slice.arrow")
            combinations = await in_thread(_compute, ready, job.part, file, stop)
            if not stop.is_set():
                await store_files(self._objects, {key: file})
        return SliceResult(combinations, key)

    async def succeed(
        self, connection: Transaction, job: Job, _: SweepTask, result: SliceResult, now: datetime
    ) -> Told:
        """Count the slice; after the last one the end of the sweep waits, which this worker looks for next."""
        counted = await count_slice(connection, job.subject, result.combinations)
        if counted is None:
            return await self._row.leave(connection, job, now)
        if counted.slices_done == counted.slices:
            await enqueue(
                connection,
                subject=job.subject,
                kind=Kind.SWEEP_END,
                owner_id=job.owner_id,
                urgency=Urgency.BULK,
                now=counted.asked_at,
                traceparent=job.traceparent,
            )
        return told(job, "running", counted.progress) if counted.to_tell else []

    async def fail(self, connection: Transaction, job: Job, error: str, now: datetime) -> Told:
        """Store why the sweep has no results: one slice that cannot be computed is enough."""
        return await self._row.fail(connection, job, error, now)

    async def discard(self, result: SliceResult) -> None:
        """Delete the file of a slice that was not accepted. Raises Unavailable."""
        await self._objects.delete(result.key)


def _compute(ready: ReadySweep, number: int, file: Path, stop: threading.Event) -> int:
    return write_slice(file, ready.computed(number, stop))

"""The end of a sweep that was divided: the files of its slices become one."""

import tempfile
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from services.backtest.files.sweep_file import SweepWriter
from services.backtest.job_kinds.ready_sweep import ReadySweeps
from services.backtest.job_kinds.sweep_ending import SweepRow, file_key, slice_key
from services.backtest.job_kinds.sweep_results import sweep_end
from services.backtest.job_kinds.work import Told
from services.backtest.store.jobs import Job, Kind
from services.backtest.store.sweep_runs import EndedSlice, SweepEnd, SweepTask, ended_slices
from services.backtest.stored_files import store_files
from services.backtest.threads import in_thread
from shared.contracts.clock import Clock
from shared.contracts.errors import Invalid, NotFound
from shared.runtime.database import Transaction
from shared.runtime.objects import Objects

LOST = "A part of the results is not in the object store any more; start the sweep anew"


class Gathering(msgspec.Struct, frozen=True):
    """A sweep and all its slices, in order."""

    sweep: SweepTask
    slices: Sequence[EndedSlice]


class SweepEndWork:
    """Gathers slices."""

    KIND = Kind.SWEEP_END
    METHOD = "sweep.end"

    def __init__(self, objects: Objects, clock: Clock, sweeps: ReadySweeps) -> None:
        self._objects = objects
        self._sweeps = sweeps
        self._row = SweepRow(clock)

    async def begin(self, connection: Transaction, job: Job, now: datetime) -> tuple[Gathering, Told]:
        """Return the sweep with its slices. Raises NotFound when it has been ended."""
        sweep = await self._row.begin(connection, job, now)
        return Gathering(sweep, await ended_slices(connection, job.subject)), []

    async def compute(self, job: Job, task: Gathering, stop: threading.Event) -> SweepEnd:
        """Write the file of all combinations, and run the best. Raises as ReadySweeps does."""
        ready = await self._sweeps.of(job.subject, task.sweep)
        key = file_key(job)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "sweep.arrow")
            with SweepWriter(file) as writer:
                for each in task.slices:
                    await self._add(writer, slice_key(job.subject, Kind.SWEEP_SLICE, each.part, each.lease))
            end = await in_thread(sweep_end, task.sweep, ready, writer, file, key, stop)
            if not stop.is_set():
                await store_files(self._objects, {key: file})
        return end

    async def _add(self, writer: SweepWriter, key: str) -> None:
        try:
            async with self._objects.as_file(key) as path:
                await in_thread(writer.add, path)
        except NotFound as error:
            raise Invalid(LOST) from error

    async def succeed(self, connection: Transaction, job: Job, _: Gathering, result: SweepEnd, now: datetime) -> Told:
        """Store the results."""
        return await self._row.succeed(connection, job, result, now)

    async def fail(self, connection: Transaction, job: Job, error: str, now: datetime) -> Told:
        """Store why the sweep has no results."""
        return await self._row.fail(connection, job, error, now)

    async def discard(self, result: SweepEnd) -> None:
        """Delete the file of results that were not accepted. Raises Unavailable."""
        await self._objects.delete(result.result_key)

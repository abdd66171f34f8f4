"""Deletes files that nobody has any more: those of a deleted run, the parts of a sweep, what workers left too late."""

import threading
from datetime import datetime

from services.backtest.files.result_file import results_of
from services.backtest.job_kinds.work import Told
from services.backtest.store.jobs import Job, Kind
from services.backtest.store.sweep_runs import result_key_of
from shared.runtime.database import Connection
from shared.runtime.objects import Objects


class RemovalWork:
    """Removes all files under a run's or a sweep's name but those of the results that a sweep has.

    What is gone already is no fault, so that it may be tried again.
    """

    KIND = Kind.REMOVAL
    METHOD = "result.remove"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def begin(self, connection: Connection, job: Job, now: datetime) -> tuple[str, Told]:
        """Return the key that is to stay, empty for none."""
        return await result_key_of(connection, job.subject) or "", []

    async def compute(self, job: Job, task: str, stop: threading.Event) -> None:
        """Delete the files. Raises Unavailable."""
        await self._objects.delete_all(results_of(job.subject), but=task)

    async def succeed(self, connection: Connection, job: Job, task: str, result: None, now: datetime) -> Told:
        """There is nothing to store."""
        return []

    async def fail(self, connection: Connection, job: Job, error: str, now: datetime) -> Told:
        """There is nobody to tell."""
        return []

    async def discard(self, result: None) -> None:
        """There is no result."""

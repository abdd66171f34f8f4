"""Deletes the files of a result that nobody has any more, those of workers that came late included."""

import threading
from datetime import datetime

from services.backtest.files.result_file import results_of
from services.backtest.store.jobs import Job, Kind
from services.backtest.work.work import Told
from shared.runtime.database import Connection
from shared.runtime.objects import Objects


class RemovalWork:
    """Removes all files under a deleted run's name; what is gone already is no fault, so that it may be tried again."""

    KIND = Kind.REMOVAL
    METHOD = "result.remove"

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def begin(self, connection: Connection, job: Job, now: datetime) -> tuple[None, Told]:
        """There is no row to look at."""
        return None, []

    async def compute(self, job: Job, task: None, stop: threading.Event) -> None:
        """Delete the files. Raises Unavailable."""
        await self._objects.delete_all(results_of(job.subject))

    async def succeed(self, connection: Connection, job: Job, task: None, result: None, now: datetime) -> Told:
        """There is nothing to store."""
        return []

    async def fail(self, connection: Connection, job: Job, error: str, now: datetime) -> Told:
        """There is nobody to tell."""
        return []

    async def discard(self, result: None) -> None:
        """There is no result."""

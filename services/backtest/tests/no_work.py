"""A kind of work with nothing in it, for who looks at the queue alone."""

import threading
from datetime import datetime

from services.backtest.job_kinds import Told
from services.backtest.store.jobs import Job, Kind
from shared.runtime.database import Connection


class NoWork:
    """Work that is done at once and leaves nothing."""

    METHOD = "nothing"

    def __init__(self, kind: Kind) -> None:
        self.KIND = kind

    async def begin(self, connection: Connection, job: Job, now: datetime) -> tuple[None, Told]:
        """There is nothing to know."""
        return None, []

    async def compute(self, job: Job, task: None, stop: threading.Event) -> None:
        """There is nothing to do."""

    async def succeed(self, connection: Connection, job: Job, task: None, result: None, now: datetime) -> Told:
        """There is nothing to store."""
        return []

    async def fail(self, connection: Connection, job: Job, error: str, now: datetime) -> Told:
        """There is nothing to say."""
        return []

    async def discard(self, result: None) -> None:
        """There is nothing to delete."""

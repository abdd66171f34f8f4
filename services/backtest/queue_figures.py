"""How long the queue is, counted every few seconds: for people, and for the bound on all jobs together."""

import logging
from collections.abc import Sequence

from services.backtest.job_queue import Backlog
from services.backtest.store.unfinished import Share, shares_of_all
from shared.contracts.clock import Clock
from shared.contracts.errors import Unavailable
from shared.contracts.timings import Gauge
from shared.runtime.database import Database
from shared.runtime.resting import repeat

log = logging.getLogger(__name__)

READ_SECONDS = 2.0
# A hundred thousand jobs are counted in hundredths of a second. Counting takes one part of the time in so many.
REST = 50.0


class QueueFigures:
    """The newest counts. While the database is away there are none, and the backlog stays what it was."""

    def __init__(self, database: Database, clock: Clock, backlog: Backlog) -> None:
        self._database = database
        self._clock = clock
        self._backlog = backlog
        self._shares: Sequence[Share] = ()

    async def run(self) -> None:
        """Count until cancelled."""
        await repeat(self.read, every=READ_SECONDS, rest=REST)

    async def read(self) -> bool:
        """Count once, and say whether the database answered."""
        try:
            async with self._database.reading() as connection:
                self._shares = await shares_of_all(connection)
        except Unavailable:
            self._shares = ()
            return False
        self._backlog.jobs = sum(share.jobs for share in self._shares)
        return True

    def gauges(self) -> list[Gauge]:
        """Return the counts by kind and state, and the age in seconds of the oldest that waits."""
        now, gauges = self._clock.now(), []
        for share in self._shares:
            state = "running" if share.running else "queued"
            gauges.append(Gauge(name="jobs", labels={"kind": share.kind, "state": state}, value=share.jobs))
            if not share.running:
                waited = max(0.0, (now - share.since).total_seconds())
                gauges.append(Gauge(name="jobs_oldest_wait_seconds", labels={"kind": share.kind}, value=waited))
        return gauges

"""What the backtest service removes when it is too old; docs/database.md has all that grows in one table."""

from datetime import datetime, timedelta

from services.backtest.files.dataset_file import DATASETS
from services.backtest.spare_bars import delete_spare_bars
from services.backtest.store.spent import remove_disowned_datasets, remove_ended_jobs
from shared.contracts.clock import Clock
from shared.runtime.care.expiry import Rule
from shared.runtime.database import Database
from shared.runtime.objects import Objects

UPLOADS = "uploads/"
"""What the keys of uploads begin with: whoever reads one deletes it, and whoever dies meanwhile does not."""

BARS_KEPT = timedelta(days=1)
"""How long bars lie without a dataset at least. They are looked for as seldom: it takes a list of all there are."""


class Retention:
    """The rules of this service: jobs and uploads go when they are older than so many days."""

    def __init__(
        self, database: Database, objects: Objects, clock: Clock, *, jobs_kept_days: float, uploads_kept_days: float
    ) -> None:
        self._database = database
        self._objects = objects
        self._clock = clock
        self._jobs_kept = timedelta(days=jobs_kept_days)
        self._uploads_kept = timedelta(days=uploads_kept_days)
        self._looked_for_bars: datetime | None = None

    def rules(self) -> list[Rule]:
        """Return them."""
        return [
            Rule("jobs", self.jobs),
            Rule("datasets", self.datasets),
            Rule("uploads", self.uploads),
            Rule("bars", self.bars),
        ]

    async def jobs(self, at_once: int) -> int:
        """Remove jobs that ended long ago."""
        async with self._database.reading() as connection:
            return await remove_ended_jobs(connection, self._jobs_kept.total_seconds(), at_once)

    async def datasets(self, at_once: int) -> int:
        """Remove deleted datasets that the last run or sweep has left."""
        async with self._database.reading() as connection:
            return await remove_disowned_datasets(connection, at_once)

    async def uploads(self, at_once: int) -> int:
        """Remove uploads that nobody has read."""
        return await self._objects.delete_older(UPLOADS, self._clock.now() - self._uploads_kept, at_once)

    async def bars(self, at_once: int) -> int:
        """Remove the bars of no dataset, all that there are, once in BARS_KEPT."""
        now = self._clock.now()
        if self._looked_for_bars is not None and now - self._looked_for_bars < BARS_KEPT:
            return 0
        removed = 0
        async for keys in self._objects.older(DATASETS, now - BARS_KEPT):
            removed += await delete_spare_bars(self._database, self._objects, keys)
        self._looked_for_bars = now
        return removed

"""Taking jobs and ending them: each step is one transaction, with what the kind of job writes and its event."""

from collections.abc import Iterable
from typing import Any, Generic, TypeVar

import msgspec

from services.backtest.job_kinds import Told, Work
from services.backtest.store import jobs as store
from services.backtest.store.jobs import Job
from services.backtest.store.next_job import take_care_job, take_next_job
from shared.contracts.clock import Clock
from shared.contracts.errors import NotFound
from shared.runtime.database import Connection, Database

CARE_EVERY = 20
"""Takes of which one asks for house-keeping first: where there is always something else to do, files would pile up."""
NOBODY = "00000000-0000-0000-0000-000000000000"

T = TypeVar("T")
R = TypeVar("R")


class Taken(msgspec.Struct, Generic[T, R], frozen=True):
    """A job that this worker holds: its row, what is to be done, and the kind of work that knows how.

    `told` is what is to be published of its beginning.
    """

    job: Job
    task: T
    work: Work[T, R]
    told: Told


class Jobs:
    """The jobs that wait, as a worker sees them. Every method raises Unavailable when the database is away.

    It goes round among the owners who wait; `served` is where it begins, behind this owner's id.
    """

    def __init__(
        self, database: Database, clock: Clock, works: Iterable[Work[Any, Any]], *, served: str = NOBODY
    ) -> None:
        self._database = database
        self._clock = clock
        self._works: dict[str, Work[Any, Any]] = {work.KIND: work for work in works}
        self._served = served
        self._takes = 0

    async def take(self) -> Taken[Any, Any] | None:
        """Take the job that is next, for LEASE_SECONDS; None when none is free."""
        while True:
            async with self._database.transaction() as connection:
                job = await self._next(connection)
                if job is None:
                    return None
                work = self._works[job.kind]
                try:
                    task, told = await work.begin(connection, job, self._clock.now())
                except NotFound:
                    # Its subject is gone, or somebody has ended it: so is the job.
                    await store.end_job(connection, job)
                    continue
            return Taken(job, task, work, told)

    async def _next(self, connection: Connection) -> Job | None:
        self._takes += 1
        kinds = list(self._works)
        job = None
        if self._takes % CARE_EVERY == 0:
            job = await take_care_job(connection, kinds)
        if job is None and (job := await take_next_job(connection, kinds, self._served)) is not None:
            self._served = job.owner_id
        return job or await take_care_job(connection, kinds)

    async def renew(self, taken: Taken[T, R]) -> bool:
        """Hold a job for LEASE_SECONDS more; False when it is not this worker's any more."""
        async with self._database.reading() as connection:
            return await store.renew_lease(connection, taken.job)

    async def release(self, taken: Taken[T, R]) -> None:
        """Hand a job back unfinished, for any worker to take at once."""
        async with self._database.reading() as connection:
            await store.release_job(connection, taken.job)

    async def excuse(self, taken: Taken[T, R]) -> None:
        """Note, of a job that is another worker's now, that this one was only held up: it is not the job's fault."""
        async with self._database.reading() as connection:
            await store.excuse_attempt(connection, taken.job)

    async def succeed(self, taken: Taken[T, R], result: R) -> Told | None:
        """Store a result; None when the job is not this worker's any more, and nothing was stored."""
        async with self._database.transaction() as connection:
            if await store.end_job(connection, taken.job):
                return await taken.work.succeed(connection, taken.job, taken.task, result, self._clock.now())
            return await self._ended(connection, taken)

    async def fail(self, taken: Taken[T, R], error: str) -> Told | None:
        """Store why a job has no result; None when it is not this worker's any more, and nothing was stored."""
        async with self._database.transaction() as connection:
            if await store.end_job(connection, taken.job):
                return await taken.work.fail(connection, taken.job, error, self._clock.now())
            return await self._ended(connection, taken)

    async def _ended(self, connection: Connection, taken: Taken[T, R]) -> Told | None:
        # The answer to an earlier COMMIT may have been lost.
        return [] if await store.has_ended(connection, taken.job) else None

"""Taking runs and ending them: each step is one transaction with its event."""

from services.backtest.store import jobs as store
from services.backtest.store.jobs import Job, Result
from shared.contracts.clock import Clock
from shared.contracts.events import BacktestFailed, BacktestStarted, BacktestSucceeded, Event
from shared.contracts.objects import backtest_object, backtests_object
from shared.runtime.database import Connection, Database
from shared.runtime.outbox import announce

_AT_SUCCESS = ["status", "progress", "metrics", "warnings", "result_digest", "finished_at"]


class Jobs:
    """The runs that wait, as a worker sees them. Every method raises Unavailable when the database is away."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def take(self) -> Job | None:
        """Take the run that has been free longest, for LEASE_SECONDS; None when there is none."""
        async with self._database.transaction() as connection:
            job = await store.take_free_run(connection, self._clock.now())
            # One that another worker had before is running already for all that its owner can see.
            if job is not None and job.first:
                await self._announce(connection, job, BacktestStarted, ["status", "started_at"])
        return job

    async def renew(self, job: Job) -> bool:
        """Hold a run for LEASE_SECONDS more; False when another worker has it now."""
        async with self._database.reading() as connection:
            return await store.renew_lease(connection, job)

    async def release(self, job: Job) -> None:
        """Hand a run back unfinished, for any worker to take at once."""
        async with self._database.reading() as connection:
            await store.release_run(connection, job)

    async def succeed(self, job: Job, result: Result) -> bool:
        """Store a result; False when another worker has the run now, and nothing was stored."""
        async with self._database.transaction() as connection:
            if await store.mark_succeeded(connection, job, result, self._clock.now()):
                await self._announce(connection, job, BacktestSucceeded, _AT_SUCCESS)
                return True
            # The answer to an earlier COMMIT may have been lost.
            return await store.has_ended(connection, job)

    async def fail(self, job: Job, error: str) -> bool:
        """Store why a run has no result; False when another worker has the run now, and nothing was stored."""
        async with self._database.transaction() as connection:
            if await store.mark_failed(connection, job, error, self._clock.now()):
                await self._announce(connection, job, BacktestFailed, ["status", "error", "finished_at"])
                return True
            return await store.has_ended(connection, job)

    async def _announce(self, connection: Connection, job: Job, kind: type[Event], changed: list[str]) -> None:
        event = kind(id=job.id, owner=job.owner_id, version=0, changed=changed)
        objects = [backtest_object(job.id), backtests_object(job.owner_id)]
        await announce(connection, event, objects, clock=self._clock, traceparent=job.traceparent)

"""A run computed once more: the digest of its result must be the stored one."""

import threading
from datetime import datetime

import msgspec

from services.backtest.core.identity import ENGINE_VERSION
from services.backtest.files.dataset_file import dataset_key
from services.backtest.job_kinds.backtests import computed
from services.backtest.job_kinds.identities import identity_of
from services.backtest.job_kinds.work import Told
from services.backtest.store import runs
from services.backtest.store.endings import Locked, lock_run, set_verification
from services.backtest.store.jobs import Job, Kind
from services.backtest.store.runs import Task
from services.backtest.threads import in_thread
from shared.contracts.clock import Clock
from shared.contracts.errors import NotFound
from shared.contracts.events import BacktestUpdated
from shared.contracts.jobs import Progress
from shared.contracts.objects import backtest_object, backtests_object
from shared.contracts.values import RunIdentity, Verification
from shared.runtime.database import Transaction
from shared.runtime.objects import Objects
from shared.runtime.outbox import announce


class VerificationWork:
    """Repeats succeeded runs. Nothing of the repetition is kept but its digest."""

    KIND = Kind.VERIFICATION
    METHOD = "backtest.verify"

    def __init__(self, objects: Objects, clock: Clock) -> None:
        self._objects = objects
        self._clock = clock

    async def begin(self, connection: Transaction, job: Job, now: datetime) -> tuple[Task, Told]:
        """Return the run. Raises NotFound when it has been deleted."""
        task = await runs.read_task(connection, job.subject, "succeeded")
        if task is None:
            raise NotFound("There is no such run any more")
        return task, []

    async def compute(self, job: Job, task: Task, stop: threading.Event) -> str:
        """Run it and return the digest. Raises as a run does."""
        identity = identity_of(task.run_identity, RunIdentity)
        async with self._objects.as_file(dataset_key(identity.dataset_sha256)) as dataset:
            return (await in_thread(computed, task, identity, dataset, stop)).result_digest

    async def succeed(self, connection: Transaction, job: Job, task: Task, result: str, now: datetime) -> Told:
        """Store whether it is the digest that was stored."""
        same = result == task.result_digest
        return await self._store(
            connection, job, now, status="matched" if same else "differs", result_digest=result, error=None
        )

    async def fail(self, connection: Transaction, job: Job, error: str, now: datetime) -> Told:
        """Store why the run could not be repeated."""
        return await self._store(connection, job, now, status="failed", result_digest=None, error=error)

    async def discard(self, result: str) -> None:
        """There are no files."""

    async def _store(self, connection: Transaction, job: Job, now: datetime, **found: object) -> Told:
        run: Locked | None = await lock_run(connection, job.subject, job.owner_id)
        if run is None:
            return []
        before = run.verification or Verification(status="queued", requested_at=now, engine_version=ENGINE_VERSION)
        verification = msgspec.structs.replace(before, finished_at=now, engine_version=ENGINE_VERSION, **found)
        await set_verification(connection, job.subject, verification)
        await announce(
            connection,
            BacktestUpdated(id=job.subject, owner=job.owner_id, version=0, changed=["verification"]),
            [backtest_object(job.subject), backtests_object(job.owner_id)],
            clock=self._clock,
            traceparent=job.traceparent,
        )
        return [Progress(id=job.subject, owner=job.owner_id, status="succeeded", progress=1.0)]

"""A single run: from the dataset's file and the stored spec to the files of the result."""

import tempfile
import threading
from datetime import datetime
from pathlib import Path

from services.backtest.core.language import check_spec
from services.backtest.core.result import BacktestResult
from services.backtest.core.run import run_backtest
from services.backtest.files.dataset_file import dataset_key
from services.backtest.files.result_file import curve_key, result_key, trades_key, write_curve, write_trades
from services.backtest.job_kinds.identities import bars_of, identity_of
from services.backtest.job_kinds.work import Told
from services.backtest.spent_files import free_files
from services.backtest.store import runs
from services.backtest.store.jobs import Job, Kind
from services.backtest.store.runs import Result, Task
from services.backtest.stored_files import store_files
from services.backtest.threads import in_thread, unless
from shared.contracts.clock import Clock
from shared.contracts.errors import NotFound
from shared.contracts.events import BacktestFailed, BacktestStarted, BacktestSucceeded, Event
from shared.contracts.jobs import Progress
from shared.contracts.objects import backtest_object, backtests_object
from shared.contracts.values import BacktestStatus, RunIdentity
from shared.runtime.database import Transaction
from shared.runtime.objects import Objects
from shared.runtime.outbox import announce

_AT_SUCCESS = ["status", "progress", "metrics", "warnings", "result_digest", "finished_at"]


class BacktestWork:
    """Runs a strategy once over the bars of a dataset; its result is stored under the lease that made it."""

    KIND = Kind.BACKTEST
    METHOD = "backtest.run"

    def __init__(self, objects: Objects, clock: Clock) -> None:
        self._objects = objects
        self._clock = clock

    async def begin(self, connection: Transaction, job: Job, now: datetime) -> tuple[Task, Told]:
        """Return the run, and note that it is running. Raises NotFound when it has been cancelled or deleted."""
        # One that another worker had before is running already for all that its owner can see.
        if await runs.mark_running(connection, job.subject, now):
            await self._announce(connection, job, BacktestStarted, ["status", "started_at"])
        task = await runs.read_task(connection, job.subject, "running")
        if task is None:
            raise NotFound("There is no such run any more")
        return task, _told(job, "running", 0.0)

    async def compute(self, job: Job, task: Task, stop: threading.Event) -> Result:
        """Run it and store its curve and trades; one that nobody wants any more is not stored.

        Raises Invalid when the run cannot be done as it was asked for, NotFound when the bars are not in the object
        store, and Unavailable when that does not answer.
        """
        identity = identity_of(task.run_identity, RunIdentity)
        key = result_key(job.subject, job.lease)
        async with self._objects.as_file(dataset_key(identity.dataset_sha256)) as dataset:
            with tempfile.TemporaryDirectory() as folder:
                curve, trades = Path(folder, "equity.arrow"), Path(folder, "trades.arrow")
                result = await in_thread(_compute, task, identity, dataset, curve, trades, stop)
                if not stop.is_set():
                    await store_files(self._objects, {curve_key(key): curve, trades_key(key): trades})
        return Result(
            metrics=dict(result.metrics),
            warnings=list(result.warnings),
            result_digest=result.result_digest,
            result_key=key,
        )

    async def succeed(self, connection: Transaction, job: Job, _: Task, result: Result, now: datetime) -> Told:
        """Store the result in the run's row; the files of one that somebody has ended meanwhile can go."""
        if not await runs.mark_succeeded(connection, job.subject, result, now):
            await free_files(connection, job.subject, job.owner_id, now, job.traceparent)
            return []
        await self._announce(connection, job, BacktestSucceeded, _AT_SUCCESS)
        return _told(job, "succeeded", 1.0)

    async def fail(self, connection: Transaction, job: Job, error: str, now: datetime) -> Told:
        """Store why the run has no result."""
        if not await runs.mark_failed(connection, job.subject, error, now):
            return []
        await self._announce(connection, job, BacktestFailed, ["status", "error", "finished_at"])
        return _told(job, "failed", 0.0)

    async def discard(self, result: Result) -> None:
        """Delete the files of a result that was not accepted. Raises Unavailable."""
        await self._objects.delete(curve_key(result.result_key))
        await self._objects.delete(trades_key(result.result_key))

    async def _announce(self, connection: Transaction, job: Job, kind: type[Event], changed: list[str]) -> None:
        event = kind(id=job.subject, owner=job.owner_id, version=0, changed=changed)
        objects = [backtest_object(job.subject), backtests_object(job.owner_id)]
        await announce(connection, event, objects, clock=self._clock, traceparent=job.traceparent)


def computed(task: Task, identity: RunIdentity, dataset: Path, stop: threading.Event) -> BacktestResult:
    """Run the engine once over the bars of a file. Raises Stopped."""
    bars = bars_of(identity, dataset, task.timezone)
    return run_backtest(check_spec(task.spec), bars, identity.params, identity.execution, unless(stop))


def _compute(
    task: Task, identity: RunIdentity, dataset: Path, curve: Path, trades: Path, stop: threading.Event
) -> BacktestResult:
    result = computed(task, identity, dataset, stop)
    between = unless(stop)
    between()
    write_curve(curve, result)
    between()
    write_trades(trades, result.trades)
    return result


def _told(job: Job, status: BacktestStatus, progress: float) -> Told:
    return [Progress(id=job.subject, owner=job.owner_id, status=status, progress=progress)]

"""What becomes of a run once it is asked for: cancelling, verifying and deleting it."""

from collections.abc import Callable

from services.backtest.core.identity import ENGINE_VERSION
from services.backtest.files.result_file import subject_of
from services.backtest.job_queue import JobQueue
from services.backtest.spent_files import free_files
from services.backtest.store.backtests import read_backtest
from services.backtest.store.endings import Locked, delete_run, lock_run, mark_cancelled, set_verification
from services.backtest.store.jobs import Kind, Urgency, drop_unlocked_jobs
from services.backtest.store.repeated import is_shared
from shared.contracts.clock import Clock
from shared.contracts.errors import Conflict, NotFound, PreconditionFailed
from shared.contracts.events import BacktestCancelled, BacktestDeleted, BacktestUpdated, Event
from shared.contracts.ids import is_id
from shared.contracts.jobs import Progress
from shared.contracts.messages import CancelBacktest, DeleteBacktest, VerifyBacktest
from shared.contracts.objects import backtest_object, backtests_object
from shared.contracts.values import Backtest, Verification
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Connection, Database, Transaction
from shared.runtime.once import recorded
from shared.runtime.outbox import announce

UNFINISHED = frozenset({"queued", "running"})


class EndingHandlers:
    """Ends of runs. `publish` tells those who wait for a run that it has ended."""

    def __init__(self, database: Database, clock: Clock, queue: JobQueue, publish: Callable[[Progress], None]) -> None:
        self._database = database
        self._clock = clock
        self._queue = queue
        self._publish = publish

    async def cancel(self, message: CancelBacktest, call: Call) -> Answer:
        """End a run that is not done; whoever is at it stops within a second. Raises NotFound, Conflict."""
        owner = call.user.user_id
        versions: dict[str, int] = {}
        async with self._database.transaction() as connection:
            run = await self._locked(connection, message.id, owner)
            if run.status in UNFINISHED:
                await mark_cancelled(connection, message.id, self._clock.now())
                await drop_unlocked_jobs(connection, message.id)
                kind, changed = BacktestCancelled, ["status", "finished_at"]
                versions = await self._announce(connection, message.id, kind, call, changed)
            elif run.status != "cancelled":
                raise Conflict(f"The backtest has {run.status} already; only one that waits or runs can be cancelled")
            answer = await self._answer(connection, message.id, call, versions)
        if versions:
            self._publish(Progress(id=message.id, owner=owner, status="cancelled", progress=0.0))
        return answer

    async def verify(self, message: VerifyBacktest, call: Call) -> Answer:
        """Queue a repetition of a succeeded run, unless one waits already.

        Raises NotFound, Conflict, QuotaExceeded.
        """
        owner, now = call.user.user_id, self._clock.now()
        versions: dict[str, int] = {}
        async with self._database.transaction() as connection:
            run = await self._locked(connection, message.id, owner)
            if run.status != "succeeded":
                raise Conflict(f"The backtest is {run.status}; only one that has succeeded can be verified")
            if run.engine_version != ENGINE_VERSION:
                raise Conflict(
                    f"The backtest was run by version {run.engine_version} of the engine and this is version "
                    f"{ENGINE_VERSION}, whose numbers may differ; start it anew"
                )
            if run.verification is None or run.verification.status != "queued":
                asked = Verification(status="queued", requested_at=now, engine_version=ENGINE_VERSION)
                await set_verification(connection, message.id, asked)
                await self._queue.hand_over(
                    connection,
                    subject=message.id,
                    kind=Kind.VERIFICATION,
                    owner_id=owner,
                    urgency=Urgency.SINGLE,
                    traceparent=call.traceparent,
                )
                versions = await self._announce(connection, message.id, BacktestUpdated, call, ["verification"])
            return await self._answer(connection, message.id, call, versions)

    async def delete(self, message: DeleteBacktest, call: Call) -> Answer:
        """Delete a run; its files go unless another run shares them. Raises NotFound, PreconditionFailed."""
        owner = call.user.user_id
        async with self._database.transaction() as connection:
            run = await self._locked(connection, message.id, owner)
            if message.if_revision is not None and run.revision not in message.if_revision:
                raise PreconditionFailed(f"The backtest is at revision {run.revision}; read it again first")
            await drop_unlocked_jobs(connection, message.id)
            await delete_run(connection, message.id)
            if (spent := await self._spent(connection, message.id, owner, run)) is not None:
                await free_files(connection, spent, owner, self._clock.now(), call.traceparent)
            versions = await self._announce(connection, message.id, BacktestDeleted, call, [])
            return await recorded(connection, call, Answer(None, versions))

    async def _spent(self, connection: Connection, run_id: str, owner: str, run: Locked) -> str | None:
        """Return whose files nobody needs now: its own, or those of the run it was answered from; None for nobody's."""
        if run.result_key is None:
            return run_id  # of workers that were at it
        shared = await is_shared(connection, owner, run.identity_digest, run.result_key)
        return None if shared else subject_of(run.result_key)

    async def _locked(self, connection: Connection, run_id: str, owner: str) -> Locked:
        run = await lock_run(connection, run_id, owner) if is_id(run_id) else None
        if run is None:
            raise NotFound("There is no such backtest")
        return run

    async def _announce(
        self, connection: Transaction, run_id: str, kind: type[Event], call: Call, changed: list[str]
    ) -> dict[str, int]:
        owner = call.user.user_id
        event = kind(id=run_id, owner=owner, version=0, changed=changed)
        objects = [backtest_object(run_id), backtests_object(owner)]
        return await announce(connection, event, objects, clock=self._clock, traceparent=call.traceparent)

    async def _answer(self, connection: Connection, run_id: str, call: Call, versions: dict[str, int]) -> Answer:
        found = await read_backtest(connection, run_id, call.user.user_id)
        if found is None:
            raise NotFound("There is no such backtest")
        backtest: Backtest = found.backtest
        answer = Answer(backtest, versions or {backtest_object(run_id): found.version})
        return await recorded(connection, call, answer)

"""What becomes of a sweep once it is asked for: cancelling and deleting it."""

from collections.abc import Callable

from services.backtest.handlers.endings import UNFINISHED
from services.backtest.spent_files import free_files
from services.backtest.store.jobs import drop_unlocked_jobs
from services.backtest.store.sweeps import LockedSweep, cancel_sweep, delete_sweep, lock_sweep, read_sweep
from shared.contracts.clock import Clock
from shared.contracts.errors import Conflict, NotFound, PreconditionFailed
from shared.contracts.events import Event, SweepCancelled, SweepDeleted
from shared.contracts.ids import is_id
from shared.contracts.jobs import Progress
from shared.contracts.messages import CancelSweep, DeleteSweep
from shared.contracts.objects import sweep_object, sweeps_object
from shared.runtime.bus.server import Answer, Call
from shared.runtime.database import Connection, Database, Transaction
from shared.runtime.once import recorded
from shared.runtime.outbox import announce


class SweepEndingHandlers:
    """Ends of sweeps. `publish` tells those who wait for a sweep that it has ended."""

    def __init__(self, database: Database, clock: Clock, publish: Callable[[Progress], None]) -> None:
        self._database = database
        self._clock = clock
        self._publish = publish

    async def cancel(self, message: CancelSweep, call: Call) -> Answer:
        """End a sweep that is not done; all who are at it stop within a second. Raises NotFound, Conflict."""
        owner = call.user.user_id
        versions: dict[str, int] = {}
        async with self._database.transaction() as connection:
            locked = await self._locked(connection, message.id, owner)
            if locked.status in UNFINISHED:
                await cancel_sweep(connection, message.id, self._clock.now())
                await self._let_go(connection, message.id, call)
                versions = await self._announce(connection, SweepCancelled, message.id, call, ["status", "finished_at"])
            elif locked.status != "cancelled":
                raise Conflict(f"The sweep has {locked.status} already; only one that waits or runs can be cancelled")
            found = await read_sweep(connection, message.id, owner)
            if found is None:
                raise NotFound("There is no such sweep")
            shown = versions or {sweep_object(message.id): found.version}
            answer = await recorded(connection, call, Answer(found.sweep, shown))
        if versions:
            self._publish(Progress(id=message.id, owner=owner, status="cancelled", progress=found.sweep.progress))
        return answer

    async def delete(self, message: DeleteSweep, call: Call) -> Answer:
        """Delete a sweep with its files. Raises NotFound, PreconditionFailed."""
        owner = call.user.user_id
        async with self._database.transaction() as connection:
            locked = await self._locked(connection, message.id, owner)
            if message.if_revision is not None and locked.revision not in message.if_revision:
                raise PreconditionFailed(f"The sweep is at revision {locked.revision}; read it again first")
            await delete_sweep(connection, message.id)
            await self._let_go(connection, message.id, call)
            versions = await self._announce(connection, SweepDeleted, message.id, call, [])
            return await recorded(connection, call, Answer(None, versions))

    async def _let_go(self, connection: Connection, sweep_id: str, call: Call) -> None:
        await drop_unlocked_jobs(connection, sweep_id)
        await free_files(connection, sweep_id, call.user.user_id, self._clock.now(), call.traceparent)

    async def _locked(self, connection: Connection, sweep_id: str, owner: str) -> LockedSweep:
        locked = await lock_sweep(connection, sweep_id, owner) if is_id(sweep_id) else None
        if locked is None:
            raise NotFound("There is no such sweep")
        return locked

    async def _announce(
        self, connection: Transaction, kind: type[Event], sweep_id: str, call: Call, changed: list[str]
    ) -> dict[str, int]:
        owner = call.user.user_id
        event = kind(id=sweep_id, owner=owner, version=0, changed=changed)
        objects = [sweep_object(sweep_id), sweeps_object(owner)]
        return await announce(connection, event, objects, clock=self._clock, traceparent=call.traceparent)

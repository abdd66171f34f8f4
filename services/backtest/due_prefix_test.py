"""Having the prefix test of an owner's spec run, once for each version of the engine."""

from services.backtest.core.identity import ENGINE_VERSION
from services.backtest.job_queue import JobQueue
from services.backtest.store.jobs import Kind, Urgency
from services.backtest.store.prefix_tests import queue_test
from shared.contracts.clock import Clock
from shared.contracts.values import JsonObject
from shared.runtime.bus.server import Call
from shared.runtime.database import Connection


async def have_tested(
    connection: Connection, queue: JobQueue, clock: Clock, spec_hash: str, spec: JsonObject, call: Call
) -> None:
    """Make the test wait unless it does already or has been done by this engine; one that failed is tried again."""
    owner = call.user.user_id
    queued = await queue_test(connection, owner, spec_hash, ENGINE_VERSION, spec, clock.now())
    if queued is not None:
        await queue.hand_over(
            connection,
            subject=queued,
            kind=Kind.PREFIX_TEST,
            owner_id=owner,
            urgency=Urgency.CHECK,
            traceparent=call.traceparent,
        )

"""Handing a job to the workers: its row, and an entry of the job stream that wakes one, in one transaction."""

import msgspec

from services.backtest.store.jobs import Kind, Urgency, enqueue
from shared.contracts.clock import Clock
from shared.contracts.events import rfc3339
from shared.contracts.jobs import BacktestJob
from shared.contracts.objects import backtest_object
from shared.contracts.streams import JOBS_BACKTEST
from shared.runtime.database import Connection
from shared.runtime.outbox import record

JOB_TYPE = "aurelius.job.backtest"


async def hand_over(
    connection: Connection, clock: Clock, *, subject: str, kind: Kind, owner_id: str, urgency: Urgency, traceparent: str
) -> None:
    """Make a job wait and have a worker look for it once the transaction has committed."""
    await enqueue(
        connection,
        subject=subject,
        kind=kind,
        owner_id=owner_id,
        urgency=urgency,
        now=clock.now(),
        traceparent=traceparent,
    )
    await wake_a_worker(connection, subject, owner_id, clock, traceparent)


async def wake_a_worker(connection: Connection, subject: str, owner: str, clock: Clock, traceparent: str) -> None:
    """Have a worker look for jobs once the transaction has committed."""
    await record(
        connection,
        stream=JOBS_BACKTEST,
        event_type=JOB_TYPE,
        subject=backtest_object(subject),
        owner=owner,
        time=rfc3339(clock.now()),
        data=msgspec.json.encode(BacktestJob(id=subject)),
        traceparent=traceparent,
    )

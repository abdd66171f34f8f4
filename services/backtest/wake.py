"""Waking a worker: an entry of the job stream, in the transaction that makes the job wait."""

import msgspec

from shared.contracts.clock import Clock
from shared.contracts.events import rfc3339
from shared.contracts.jobs import BacktestJob
from shared.contracts.objects import backtest_object
from shared.contracts.streams import JOBS_BACKTEST
from shared.runtime.database import Connection
from shared.runtime.outbox import record

JOB_TYPE = "aurelius.job.backtest"


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

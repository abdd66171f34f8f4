"""The queue as those see it who put jobs in: handing one over, and how many there may be.

A bound for each owner, exact whatever happens at once; and one for all together, by a figure that is some seconds old:
it is there to keep the database from filling up, whoever has how many accounts.
"""

from dataclasses import dataclass

import msgspec

from services.backtest.store.jobs import Kind, Urgency, enqueue
from services.backtest.store.unfinished import count_asked_for, count_checks
from shared.contracts.clock import Clock
from shared.contracts.errors import QuotaExceeded, Unavailable
from shared.contracts.events import rfc3339
from shared.contracts.jobs import BacktestJob
from shared.contracts.objects import backtest_object
from shared.contracts.streams import JOBS_BACKTEST
from shared.runtime.database import Connection
from shared.runtime.outbox import record

JOB_TYPE = "aurelius.job.backtest"
PER_OWNER = 10_000
OF_ALL = 1_000_000
RETRY_SECONDS = 10.0


@dataclass(slots=True)
class Backlog:
    """How many jobs wait or are being done, as it was known last."""

    jobs: int = 0


class JobQueue:
    """Takes jobs in. `backlog` is kept up to date by whoever counts.

    Of an owner `per_owner` runs, verifications and sweeps may be unfinished, a sweep counting as one whatever it is
    divided into, and as many prefix tests; of all owners `of_all` jobs, the slices of sweeps and house-keeping too.
    """

    def __init__(
        self, clock: Clock, backlog: Backlog | None = None, *, per_owner: int = PER_OWNER, of_all: int = OF_ALL
    ) -> None:
        self._clock = clock
        self._backlog = backlog or Backlog()
        self._per_owner = per_owner
        self._of_all = of_all

    async def hand_over(
        self,
        connection: Connection,
        *,
        subject: str,
        kind: Kind,
        owner_id: str,
        urgency: Urgency,
        traceparent: str,
    ) -> None:
        """Make a job wait and have a worker look for it once the transaction has committed.

        It locks what the owner may have until then: whoever has done so may not wait for the row of another subject.
        Raises QuotaExceeded when the owner has as many as there may be, Unavailable when all have together.
        """
        await self._admit(connection, owner_id, urgency)
        await enqueue(
            connection,
            subject=subject,
            kind=kind,
            owner_id=owner_id,
            urgency=urgency,
            now=self._clock.now(),
            traceparent=traceparent,
        )
        await wake_a_worker(connection, subject, owner_id, self._clock, traceparent)

    async def _admit(self, connection: Connection, owner_id: str, urgency: Urgency) -> None:
        if self._backlog.jobs >= self._of_all:
            raise Unavailable(
                f"The workers have {self._backlog.jobs:,} jobs to do, and no more than {self._of_all:,} may wait; try "
                "again when there are fewer",
                retry_after=RETRY_SECONDS,
            )
        most = self._per_owner
        if urgency is Urgency.CHECK:
            if await count_checks(connection, owner_id, most) >= most:
                raise QuotaExceeded(
                    f"{most:,} of your strategies wait for their prefix tests, and more may not; try again when some "
                    "have been done",
                    retry_after=RETRY_SECONDS,
                )
        elif await count_asked_for(connection, owner_id, most) >= most:
            raise QuotaExceeded(
                f"{most:,} of your backtests, verifications and sweeps are queued or running, and more may not be; try "
                "again when some have ended, or cancel some: `?status=queued` lists those that wait",
                retry_after=RETRY_SECONDS,
            )


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

"""The protocol of a kind of job: what the loop of a worker needs to know of it."""

import threading
from datetime import datetime
from typing import Protocol, TypeVar

from services.backtest.store.jobs import Job, Kind
from shared.contracts.jobs import Progress
from shared.runtime.database import Transaction

Told = list[Progress]
"""What is to be published once a transaction has been committed."""

T = TypeVar("T")
R = TypeVar("R")


class Work(Protocol[T, R]):
    """One kind of job. `T` is what a job needs to be computed, `R` what comes out.

    The methods that are given a connection are part of the transaction that takes or ends the job: what they write is
    written exactly once, however many workers die over it.
    """

    KIND: Kind
    METHOD: str

    async def begin(self, connection: Transaction, job: Job, now: datetime) -> tuple[T, Told]:
        """Return what there is to do, as its row says; note there that it has begun.

        Raises NotFound when there is nothing to do any more: the job is ended.
        """
        ...

    async def compute(self, job: Job, task: T, stop: threading.Event) -> R:
        """Do it, off the event loop, leaving early once `stop` is set: nobody wants the result then.

        Raises Invalid when it cannot be done as it was asked for, Unavailable when another try may fare better, and may
        raise Stopped once `stop` is set.
        """
        ...

    async def succeed(self, connection: Transaction, job: Job, task: T, result: R, now: datetime) -> Told:
        """Store what came out."""
        ...

    async def fail(self, connection: Transaction, job: Job, error: str, now: datetime) -> Told:
        """Store why there is no result."""
        ...

    async def discard(self, result: R) -> None:
        """Delete the files of a result that was not accepted. Raises Unavailable."""
        ...

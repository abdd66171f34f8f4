"""What a worker does: takes one run after another, holds it by a lease while it computes, stores what came out.

The row in the database says what there is to do. An entry of the stream only wakes a worker up, so that one too many
costs a look, and one too few is made good by the poll.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from services.backtest.jobs import Jobs
from services.backtest.runner import Runner
from services.backtest.store.jobs import Job, Result
from shared.contracts.errors import Invalid, NotFound, Unavailable
from shared.contracts.jobs import Progress
from shared.contracts.values import BacktestStatus
from shared.runtime import context
from shared.runtime.context import Handling

log = logging.getLogger(__name__)

RENEW_SECONDS = 0.75
POLL_SECONDS = 0.5
METHOD = "backtest.run"
RETRY_SECONDS = 0.5
MAX_ATTEMPTS = 3

GIVEN_UP = f"{MAX_ATTEMPTS} workers ended before they had done this run; it may need more memory than there is"
NO_MEMORY = "This run needs more memory than its worker has; choose a shorter period or a smaller dataset"
NO_BARS = "The bars of the dataset are not in the object store any more; upload them again"
BROKEN = "This run ended in an error on our side; the log of the backtest service tells which"


class JobLoop:
    """Does one run at a time. `publish` is told of the start and the end of each, after they were committed."""

    def __init__(self, jobs: Jobs, runner: Runner, publish: Callable[[Progress], None]) -> None:
        self._jobs = jobs
        self._runner = runner
        self._publish = publish
        self._turn = asyncio.Lock()
        self._current: asyncio.Task[None] | None = None
        self._stopping = False

    async def poll(self) -> None:
        """Look for free runs until cancelled: those of workers that died, and those nobody was woken for."""
        while True:
            while await self.work():
                pass
            await asyncio.sleep(POLL_SECONDS)

    async def work(self) -> bool:
        """Do the run that has been free longest; False when there is none, or none that can be done now."""
        async with self._turn:
            try:
                return await self._take_and_do()
            except Unavailable as error:
                log.warning("no run can be done at the moment: %s", error)
            except Exception:
                log.exception("a run could not be taken or stored; it is tried again when its lease has lapsed")
            return False

    async def _take_and_do(self) -> bool:
        job = None if self._stopping else await self._jobs.take()
        if job is None:
            return False
        if self._stopping:
            await self._jobs.release(job)
            return False
        self._current = asyncio.create_task(self._do(job))
        await asyncio.wait({self._current})
        if self._current.cancelled():
            return False
        self._current.result()
        return True

    async def stop(self) -> None:
        """Take nothing more, and hand back the run that is being done."""
        self._stopping = True
        if self._current is not None:
            self._current.cancel()
        async with self._turn:
            pass

    async def _do(self, job: Job) -> None:
        # In a task of its own, so that it ends with the run.
        context.begin(Handling(traceparent=job.traceparent, method=METHOD, job=job.id))
        if job.attempts > MAX_ATTEMPTS:
            await self._end(job, GIVEN_UP)
            return
        log.info("the run begins")
        self._tell(job, "running", 0.0)
        renewal = asyncio.create_task(self._renew(job))
        try:
            await self._end(job, await self._outcome(job))
        except (Unavailable, asyncio.CancelledError):
            with contextlib.suppress(Unavailable):
                await self._jobs.release(job)
            raise
        finally:
            renewal.cancel()

    async def _renew(self, job: Job) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with contextlib.suppress(Unavailable):
                if not await self._jobs.renew(job):
                    return

    async def _outcome(self, job: Job) -> Result | str:
        """The result, or why there is none. Raises Unavailable when another try may fare better."""
        try:
            return await self._runner.run(job)
        except Unavailable:
            raise
        except Invalid as error:
            return error.detail
        except NotFound:
            return NO_BARS
        except MemoryError:
            return NO_MEMORY
        except Exception:
            log.exception("the run failed")
            return BROKEN

    async def _end(self, job: Job, outcome: Result | str) -> None:
        """Store how the run ended, for as long as that takes, unless another worker has it now."""
        while True:
            try:
                if isinstance(outcome, Result):
                    stored = await self._jobs.succeed(job, outcome)
                else:
                    stored = await self._jobs.fail(job, outcome)
                break
            except Unavailable as error:
                log.warning("the run has ended but cannot be stored yet: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
        if stored:
            log.info("the run %s", "succeeded" if isinstance(outcome, Result) else "failed")
            self._tell(job, *(("succeeded", 1.0) if isinstance(outcome, Result) else ("failed", 0.0)))
            return
        log.warning("the run is another worker's now; what this one made of it is dropped")
        if isinstance(outcome, Result):
            with contextlib.suppress(Unavailable):
                await self._runner.discard(outcome)

    def _tell(self, job: Job, status: BacktestStatus, progress: float) -> None:
        self._publish(Progress(id=job.id, owner=job.owner_id, status=status, progress=progress))

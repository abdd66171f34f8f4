"""What a worker does: takes one job after another, holds it by a lease while it computes, stores what came out.

The row in the database says what there is to do. An entry of the stream only wakes a worker up, so that one too many
costs a look, and one too few is made good by the poll.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from services.backtest.job_figures import JobFigures, Outcome
from services.backtest.job_kinds import Told
from services.backtest.jobs import Jobs, Taken
from services.backtest.threads import Stopped
from services.backtest.wake_ups import GROUP
from shared.contracts.errors import Invalid, NotFound, Unavailable
from shared.contracts.jobs import Progress
from shared.contracts.streams import JOBS_BACKTEST
from shared.runtime import context
from shared.runtime.context import Handling
from shared.runtime.tracing.bus_spans import OUTCOME, working

if TYPE_CHECKING:
    from shared.runtime.tracing.tracer import Tracer

log = logging.getLogger(__name__)

# A job that is cancelled is let go of within this: its lease can not be renewed. Its thread ends with the part it is
# at, of which none takes more than two thirds of a second of a core, of ten million bars.
RENEW_SECONDS = 0.3
POLL_SECONDS = 0.5
RETRY_SECONDS = 0.5
MAX_ATTEMPTS = 3
# What took so long to be told that a run goes on may have been overtaken by its end, told by somebody else.
LATE_SECONDS = 1.0

GIVEN_UP = f"{MAX_ATTEMPTS} workers ended before they had done this run; it may need more memory than there is"
NO_MEMORY = "This run needs more memory than its worker has; choose a shorter period or a smaller dataset"
NO_BARS = "The bars of the dataset are not in the object store any more; upload them again"
LEFT = "This run was not wanted any more when it was computed"
BROKEN = "This run ended in an error on our side; the log of the backtest service tells which"


class _Failure(msgspec.Struct, frozen=True):
    """Why a job has no result."""

    error: str


class JobLoop:
    """Does one job at a time. `publish` is told how far its subject is, after that was committed.

    With a `tracer` each is a span, in the trace of the request that asked for it, and its events came of that.
    """

    def __init__(
        self,
        jobs: Jobs,
        publish: Callable[[Progress], None],
        figures: JobFigures | None = None,
        now: Callable[[], float] = time.monotonic,
        *,
        tracer: "Tracer | None" = None,
    ) -> None:
        self._jobs = jobs
        self._publish = publish
        self._figures = figures or JobFigures()
        self._now = now
        self._tracer = tracer
        self._turn = asyncio.Lock()
        self._current: asyncio.Task[None] | None = None
        self._stopping = False
        self._away = False

    async def poll(self) -> None:
        """Look for free jobs until cancelled: those of workers that died, and those nobody was woken for."""
        while True:
            while await self.work():
                pass
            await asyncio.sleep(POLL_SECONDS)

    async def work(self) -> bool:
        """Do the job that is next; False when there is none, or none that can be done now."""
        async with self._turn:
            try:
                worked = await self._take_and_do()
            except Unavailable as error:
                if not self._away:
                    log.warning("no job can be done at the moment: %s", error)
                self._away = True
            except Exception:
                log.exception("a job could not be taken or stored; it is tried again when its lease has lapsed")
            else:
                self._away = False
                return worked
            return False

    async def _take_and_do(self) -> bool:
        begun = self._now()
        taken = None if self._stopping else await self._jobs.take()
        if taken is None:
            return False
        if self._stopping:
            await self._jobs.release(taken)
            return False
        self._tell(taken.told, begun)
        self._figures.begin(taken.job)
        self._current = asyncio.create_task(self._do(taken))
        await asyncio.wait({self._current})
        self._figures.end()
        if self._current.cancelled():
            return False
        self._current.result()
        return True

    async def stop(self) -> None:
        """Take nothing more, and hand back the job that is being done."""
        self._stopping = True
        if self._current is not None:
            self._current.cancel()
        async with self._turn:
            pass

    async def _do(self, taken: Taken[Any, Any]) -> None:
        job, method, span = taken.job, taken.work.METHOD, None
        if self._tracer is not None and job.traceparent:
            span = working(self._tracer, JOBS_BACKTEST, GROUP, method, job.subject, job.traceparent)
            job = msgspec.structs.replace(job, traceparent=span.traceparent)
            taken = msgspec.structs.replace(taken, job=job)
        # In a task of its own, so that it ends with the job.
        context.begin(Handling(traceparent=job.traceparent, method=method, job=job.subject))
        try:
            await self._hold_and_do(taken)
        finally:
            if span is not None:
                span.note(OUTCOME, self._figures.became)
                if self._figures.became == "failed":
                    span.fail("failed")
                span.end()

    async def _hold_and_do(self, taken: Taken[Any, Any]) -> None:
        if taken.job.attempts > MAX_ATTEMPTS:
            await self._end(taken, _Failure(GIVEN_UP))
            return
        log.info("the job begins")
        stop = threading.Event()
        computing = asyncio.create_task(self._outcome(taken, stop))
        with context.during(Handling(method=taken.work.METHOD, job=taken.job.subject)):  # no part of the trace
            renewal = asyncio.create_task(self._renew(taken, stop))
        try:
            await asyncio.wait({computing, renewal}, return_when=asyncio.FIRST_COMPLETED)
            if not computing.done():
                log.warning("the job was cancelled, or is another worker's now; it is left")
                await self._excuse(taken)
                return
            await self._end(taken, computing.result())
        except (Unavailable, asyncio.CancelledError):
            with contextlib.suppress(Unavailable):
                await self._jobs.release(taken)
            raise
        finally:
            stop.set()
            renewal.cancel()
            computing.cancel()

    async def _renew(self, taken: Taken[Any, Any], stop: threading.Event) -> None:
        """Hold the job until it is lost, which ends what is computed for it."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with contextlib.suppress(Unavailable):
                if not await self._jobs.renew(taken):
                    stop.set()
                    return

    async def _outcome(self, taken: Taken[Any, Any], stop: threading.Event) -> object:
        """Return the result, or why there is none. Raises Unavailable when another try may fare better."""
        try:
            with self._figures.during("compute"):
                return await taken.work.compute(taken.job, taken.task, stop)
        except Unavailable:
            raise
        except Invalid as error:
            return _Failure(error.detail)
        except NotFound:
            return _Failure(NO_BARS)
        except MemoryError:
            return _Failure(NO_MEMORY)
        except Stopped:
            return _Failure(LEFT)
        except Exception:
            log.exception("the job failed")
            return _Failure(BROKEN)

    async def _end(self, taken: Taken[Any, Any], outcome: object) -> None:
        """Store how the job ended, unless another worker has it now."""
        with self._figures.during("store"):
            told, begun = await self._store(taken, outcome)
        if told is not None:
            became: Outcome = "failed" if isinstance(outcome, _Failure) else "succeeded"
            log.info("the job %s", became)
            self._figures.became = became
            self._tell(told, begun)
            return
        log.warning("the job was cancelled, or is another worker's now; what this one made of it is dropped")
        await self._excuse(taken)
        if not isinstance(outcome, _Failure):
            with contextlib.suppress(Unavailable):
                await taken.work.discard(outcome)

    async def _store(self, taken: Taken[Any, Any], outcome: object) -> tuple[Told | None, float]:
        """Store an outcome, for as long as that takes; returns what is to be told of it, and since when it holds."""
        while True:
            begun = self._now()
            try:
                if isinstance(outcome, _Failure):
                    return await self._jobs.fail(taken, outcome.error), begun
                return await self._jobs.succeed(taken, outcome), begun
            except Unavailable as error:
                log.warning("the job has ended but cannot be stored yet: %s", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _excuse(self, taken: Taken[Any, Any]) -> None:
        with contextlib.suppress(Unavailable):
            await self._jobs.excuse(taken)

    def _tell(self, told: Told, since: float) -> None:
        late = self._now() - since > LATE_SECONDS
        for progress in told:
            if not (late and progress.status == "running"):
                self._publish(progress)

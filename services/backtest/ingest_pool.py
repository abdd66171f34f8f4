"""Has uploads read in processes of their own: what a file does to its reader, it does to no one else."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process

import msgspec

from services.backtest.core.ingest.description import Description
from services.backtest.core.ingest.refusals import refused
from services.backtest.ingest_messages import BREAKS, IngestJob, IngestReply
from shared.contracts.errors import DeadlineExceeded, ServiceError, Unavailable

log = logging.getLogger(__name__)

MODULE = "services.backtest.ingest_process"
# Each keeps a core busy, and may need a gigabyte.
AT_ONCE = 2
# One that nobody has needed for so long is ended, and gives back its memory; a new one imports its libraries anew.
IDLE_SECONDS = 10.0
# A reply that names twenty faults is a few thousand bytes long.
_REPLY_BYTES = 1024**2
# One thread and one heap, so that what a file needs is what is measured.
ENVIRON = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "MALLOC_ARENA_MAX": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}

TOO_SLOW = "takes far longer to be read than its size allows; write it anew with an ordinary library, or as CSV"
INTERRUPTED = "The reading of the upload was interrupted; send it again"


class IngestPool:
    """At most `size` processes, started when they are needed, kept for the next upload and ended when none comes."""

    def __init__(self, size: int = AT_ONCE, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._slots = asyncio.Semaphore(size)
        self._idle_seconds = idle_seconds
        # Each with what ends it. The one that was used last is used next, so that those too many come to their end.
        self._idle: dict[Process, asyncio.TimerHandle] = {}
        self._all: set[Process] = set()

    async def read(self, job: IngestJob, deadline: float) -> Description:
        """Have a file read by `deadline`, in seconds of the loop's clock.

        Raises Invalid and TooLarge for the file, DeadlineExceeded when there is no time left, Unavailable when a
        process was ended from outside.
        """
        try:
            async with asyncio.timeout_at(deadline), self._slots:
                process = self._take() or await self._start()
                try:
                    return await self._ask(process, job)
                finally:
                    if process not in self._idle:
                        await self._end(process)
        except TimeoutError as error:
            raise DeadlineExceeded("There was not enough time to read the upload; try again") from error

    async def close(self) -> None:
        """End all processes."""
        while self._take():
            pass
        for process in list(self._all):
            await self._end(process)

    def _take(self) -> Process | None:
        if not self._idle:
            return None
        process, ending = self._idle.popitem()
        ending.cancel()
        return process

    def _keep(self, process: Process) -> None:
        self._idle[process] = asyncio.get_running_loop().call_later(self._idle_seconds, self._retire, process)

    def _retire(self, process: Process) -> None:
        del self._idle[process]
        self._kill(process)

    async def _ask(self, process: Process, job: IngestJob) -> Description:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process that reads uploads is made with pipes")
        with contextlib.suppress(ConnectionError):  # its end is seen below
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            await process.stdin.drain()
        line = await process.stdout.readline()
        if not line.endswith(b"\n"):
            raise _why_ended(await process.wait())
        reply = msgspec.json.decode(line, type=IngestReply)
        if reply.trouble:
            log.error("an upload could not be read: %s", reply.trouble)
        if not reply.last:
            self._keep(process)
        if reply.description is None:
            raise reply.error.to_exception() if reply.error else RuntimeError("an empty reply")
        return reply.description

    async def _start(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", MODULE, stdin=PIPE, stdout=PIPE, env={**os.environ, **ENVIRON}, limit=_REPLY_BYTES
        )
        self._all.add(process)
        return process

    async def _end(self, process: Process) -> None:
        self._kill(process)
        await process.wait()

    def _kill(self, process: Process) -> None:
        self._all.discard(process)
        with contextlib.suppress(ProcessLookupError):
            process.kill()


def _why_ended(code: int) -> ServiceError:
    if code == -signal.SIGPROF:
        return refused(TOO_SLOW)
    if code in {-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT, -signal.SIGFPE, -signal.SIGILL}:
        log.warning("an upload ended the process that read it with signal %d", -code)
        return refused(BREAKS)
    log.error("a process that reads uploads ended with %d", code)
    return Unavailable(INTERRUPTED)

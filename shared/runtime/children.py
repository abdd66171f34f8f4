"""Further processes of this one: started, restarted when they die, ended with their parent."""

import asyncio
import contextlib
import ctypes
import logging
import os
import signal
import sys
from collections.abc import Mapping

from shared.contracts.errors import Unavailable
from shared.runtime.connecting import CannotStart
from shared.runtime.health import StillStarting

log = logging.getLogger(__name__)

# Tells a process that it is a child: it makes no copies of itself and ends when its standard input closes.
CHILD = "AURELIUS_CHILD"
# The number of the pipe on which a child says that it works, or what it has to do before.
WORKS = "AURELIUS_WORKS_FD"
RESTART_SECONDS = 0.5
STOP_SECONDS = 3.0

_WORKS = b"works\n"
_PR_SET_PDEATHSIG = 1  # prctl(2)


class Children:
    """`number` processes of `python -m module`. A child ends itself when the pipe from its parent closes.

    One that was told to stop is killed after `stop_seconds`. With `first_must_work` all are given up when one ends with
    an error before any has worked: what keeps it from working will keep the next. A signal need not hit the next too.
    """

    def __init__(
        self,
        module: str,
        number: int,
        environ: Mapping[str, str] | None = None,
        *,
        stop_seconds: float = STOP_SECONDS,
        first_must_work: bool = False,
    ) -> None:
        self._module = module
        self._number = number
        self._environ = {**os.environ, **(environ or {}), CHILD: "1"}
        self._stop_seconds = stop_seconds
        self._hopeless = first_must_work
        self._running: set[asyncio.subprocess.Process] = set()
        self._working: set[int] = set()
        self._dead: set[int] = set()
        self._doing: dict[int, str] = {}
        self._given_up = False
        self._stopping = False

    async def run(self) -> None:
        """Keep the children running until cancelled, then end them. Raises CannotStart when they are given up."""
        try:
            async with asyncio.TaskGroup() as group:
                for place in range(self._number):
                    group.create_task(self._keep_one(place))
        finally:
            await self.stop()
        if self._given_up:
            raise CannotStart(f"no process of {self._module} can start")

    async def check(self) -> None:
        """Pass when every child has said that it works, and works still.

        Raises Unavailable, StillStarting while no more is missing than their first start.
        """
        missing = self._number - len(self._working)
        if missing and not self._stopping:
            doing = "".join(f": {each}" for each in sorted(set(self._doing.values())))
            detail = f"{len(self._working)} of {self._number} processes of {self._module} are up{doing}"
            raise Unavailable(detail) if self._dead else StillStarting(detail)

    async def stop(self) -> None:
        """End the children, and start none again."""
        self._stopping = True
        children, self._running = self._running, set()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
        try:
            async with asyncio.timeout(self._stop_seconds):
                await asyncio.gather(*(child.wait() for child in children))
        except TimeoutError:
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
            await asyncio.gather(*(child.wait() for child in children))

    async def _keep_one(self, place: int) -> None:
        while not self._stopping:
            child, works = await self._start()
            self._running.add(child)
            proof = asyncio.create_task(self._await_proof(place, works))
            code = await child.wait()
            proof.cancel()
            if self._stopping:
                return
            self._running.discard(child)
            self._working.discard(place)
            self._doing.pop(place, None)
            self._dead.add(place)
            if self._hopeless and code > 0:
                self._given_up = True
                await self.stop()
                return
            log.warning("%s ended with %s and is started again", self._module, code)
            await asyncio.sleep(RESTART_SECONDS)

    async def _start(self) -> tuple[asyncio.subprocess.Process, int]:
        works, told = os.pipe()
        try:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                stdin=asyncio.subprocess.PIPE,
                env={**self._environ, WORKS: str(told)},
                pass_fds=(told,),
            )
        except BaseException:
            os.close(works)
            raise
        finally:
            os.close(told)
        return child, works

    async def _await_proof(self, place: int, works: int) -> None:
        """Take a child's place for filled when it says that it works; until then, hear what it has to do before."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(works, "rb", buffering=0)
        )
        try:
            while line := await reader.readline():
                self._doing.pop(place, None)
                if line == _WORKS:
                    self._dead.discard(place)
                    self._working.add(place)
                    self._hopeless = False
                else:
                    self._doing[place] = line.decode().strip()
        finally:
            transport.close()


def tell_parent(doing: str = "") -> None:
    """Say that this process works, if it is a child; or what it is `doing` before it can, in a few words."""
    if WORKS in os.environ:
        with contextlib.suppress(OSError):  # its parent is gone, and so will it be
            works = int(os.environ[WORKS])
            os.write(works, f"{doing}\n".encode() if doing else _WORKS)
            if not doing:
                os.close(works)


async def parent_gone() -> None:
    """Return when the parent's end of standard input closes, which it does however the parent dies.

    A process that was stopped (SIGSTOP, a debugger) would not see that: on Linux the parent's end wakes it up.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGCONT))
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass

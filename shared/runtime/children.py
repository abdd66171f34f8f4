"""Further copies of a process: started, restarted when they die, ended with their parent."""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Mapping

log = logging.getLogger(__name__)

# Tells a process that it is a child: it makes no copies of itself and ends when its standard input closes.
CHILD = "AURELIUS_CHILD"
RESTART_SECONDS = 0.5
STOP_SECONDS = 3.0


class Children:
    """`number` copies of `python -m module`. A child ends itself when the pipe from its parent closes."""

    def __init__(self, module: str, number: int, environ: Mapping[str, str] | None = None) -> None:
        self._module = module
        self._number = number
        self._environ = {**os.environ, **(environ or {}), CHILD: "1"}
        self._running: list[asyncio.subprocess.Process] = []

    async def run(self) -> None:
        """Keep the children running until cancelled, then end them."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._number):
                    group.create_task(self._keep_one())
        finally:
            await self._stop()

    async def check(self) -> None:
        """Pass when every child is up."""
        if len(self._running) < self._number:
            raise RuntimeError(f"{len(self._running)} of {self._number} {self._module} processes are up")

    async def _keep_one(self) -> None:
        while True:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self._module, stdin=asyncio.subprocess.PIPE, env=self._environ
            )
            self._running.append(child)
            code = await child.wait()
            self._running.remove(child)
            log.warning("%s ended with %s and is started again", self._module, code)
            await asyncio.sleep(RESTART_SECONDS)

    async def _stop(self) -> None:
        children, self._running = self._running, []
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.gather(*(child.wait() for child in children))
        except TimeoutError:
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
            await asyncio.gather(*(child.wait() for child in children))


async def parent_gone() -> None:
    """Return when the parent's end of standard input closes, which it does however the parent dies."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        pass

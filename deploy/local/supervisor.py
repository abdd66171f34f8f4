"""Keeps a process running: when it dies it is started again, at once the first time, then with growing pauses."""

import asyncio
import contextlib
from collections.abc import Callable

from deploy.local.process import Process
from deploy.local.program import describe_exit

_PAUSES = (0.0, 0.25, 0.5, 1.0, 2.0)
_STEADY_AFTER = 10.0


class Supervisor:
    """Runs one process until it is told to stop. `deaths` counts since the process last ran for ten seconds."""

    def __init__(self, process: Process, announce: Callable[[str], None]) -> None:
        self.process = process
        self.deaths = 0
        self._announce = announce
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the process and watch it."""
        self.deaths = 0
        self._task = asyncio.create_task(self._keep_running(), name=f"supervise {self.process.program.name}")

    async def stop(self, grace: float) -> None:
        """Stop watching, then stop the process."""
        await self.stop_watching()
        await self.process.stop(grace)

    async def kill(self) -> None:
        """Kill the process and leave it dead until `start`."""
        await self.stop_watching()
        await self.process.kill()

    def kill_now(self) -> None:
        """Stop watching and send SIGKILL, without waiting for either; `stop` still has to be called."""
        if self._task is not None:
            self._task.cancel()
        self.process.kill_group()

    async def stop_watching(self) -> None:
        """Leave the process as it is, and do not start it again when it ends."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _keep_running(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            try:
                await self.process.start()
                end = describe_exit(await self.process.wait())
            except OSError as error:  # no memory or no process left on the machine
                end = f"cannot be started ({error})"
            if clock() - started >= _STEADY_AFTER:
                self.deaths = 0
            pause = _PAUSES[min(self.deaths, len(_PAUSES) - 1)]
            self.deaths += 1
            when = f"in {pause:g} s" if pause else "now"
            self._announce(f"{self.process.program.name} {end}; starting it again {when}")
            await asyncio.sleep(pause)

"""A program as a process in a group of its own: started, its output passed on line by line, stopped."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, STDOUT
from collections import deque
from collections.abc import Callable, Sequence

from deploy.local.lines import pass_on_lines
from deploy.local.program import ROOT, Program, describe_exit

_TAIL_LINES = 20
_OUTPUT_ENDS_WITHIN = 1.0


class Process:
    """At most one running instance of a program. `tail` keeps the last lines it wrote, over all its instances."""

    def __init__(self, program: Program, write: Callable[[str], None]) -> None:
        self.program = program
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._write = write
        self._instance: asyncio.subprocess.Process | None = None
        self._group: int | None = None
        self._output: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the running instance, or None."""
        if self._instance is None or self._instance.returncode is not None:
            return None
        return self._instance.pid

    async def start(self) -> None:
        """Start an instance. The one before must have been waited for."""
        # The pipe is ours, not asyncio's: some versions of asyncio's wait() also wait until its pipes are closed, and
        # a grandchild that outlives the program keeps them open.
        read_end, write_end = os.pipe()
        try:
            self._instance = await asyncio.create_subprocess_exec(
                *self.program.wrapped(),
                stdin=DEVNULL,
                stdout=write_end,
                stderr=STDOUT,
                cwd=ROOT,
                env=self.program.environment,
                start_new_session=True,
                pass_fds=self.program.inherits,
            )
        except BaseException:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        self._group = self._instance.pid
        self._output = asyncio.create_task(pass_on_lines(read_end, self._line))

    async def wait(self) -> int:
        """Wait for the instance to end, end what is left of its group, give its exit status (negative: the signal)."""
        if self._instance is None or self._output is None:
            raise RuntimeError(f"{self.program.name} was not started")
        status = await self._instance.wait()
        self.kill_group()
        self._group = None  # from here on the number may be somebody else's
        await asyncio.wait([self._output], timeout=_OUTPUT_ENDS_WITHIN)
        self._output.cancel()
        return status

    async def stop(self, grace: float) -> None:
        """Ask the instance to end; what is left of its group after `grace` seconds is killed."""
        if self._instance is None:
            return
        try:
            if self.pid is not None:
                with contextlib.suppress(ProcessLookupError):  # it has just ended, and nobody has told us yet
                    os.kill(self.pid, self.program.stop_signal)
            await asyncio.wait_for(self._instance.wait(), grace)
        except TimeoutError:
            self._write(f"still running after {grace:g} s: killed")
        finally:
            await self.kill()

    async def kill(self) -> None:
        """End the instance and its group at once, as a crash would."""
        if self._instance is not None:
            self.kill_group()
            await self.wait()

    def kill_group(self) -> None:
        """Send SIGKILL to the instance and what it started, and do not wait."""
        if self._group is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM when only zombies are left
                os.killpg(self._group, signal.SIGKILL)

    def _line(self, text: str) -> None:
        self.tail.append(text)
        self._write(text)


class ProgramFailedError(Exception):
    """A program that was to do its work and end, failed with this exit status, in the form asyncio gives it.

    `end` says how it ended, `lines` are what it wrote last.
    """

    def __init__(self, program: Program, status: int, lines: Sequence[str]) -> None:
        self.status = status
        self.end = f"{program.name} {describe_exit(status)}"
        self.lines = tuple(lines)
        super().__init__("\n".join([*lines, self.end]))


async def run_to_end(program: Program, write: Callable[[str], None]) -> None:
    """Run a program that ends by itself. Raises ProgramFailedError when its exit status is not 0."""
    process = Process(program, write)
    await process.start()
    try:
        status = await process.wait()
    finally:
        await process.kill()
    if status != 0:
        raise ProgramFailedError(program, status, process.tail)

"""One process: its output, its end and that of all it started."""

import asyncio
import os
import signal
import sys
import time

import psutil
import pytest

from deploy.local.process import Process, ProgramFailedError, run_to_end
from deploy.local.program import Program
from deploy.local.tests.stand_in import left_of
from tests.seconds import allowed

_STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


def python(text: str, stop_signal: signal.Signals = signal.SIGTERM) -> Program:
    return Program("tiny", [sys.executable, "-c", text], stop_signal=stop_signal)


class Lines(list[str]):
    """Collects lines; `first` is the one waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.first: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def __call__(self, line: str) -> None:
        """Take one line."""
        self.append(line)
        if not self.first.done():
            self.first.set_result(line)


async def finished(program: Program) -> tuple[int, list[str]]:
    lines = Lines()
    process = Process(program, lines)
    await process.start()
    return await process.wait(), list(lines)


async def test_output_comes_line_by_line() -> None:
    """Standard output and error, in order; bytes that are no UTF-8 do no harm; a last line needs no newline."""
    text = r"import sys; sys.stdout.buffer.write(b'one\r\n\xff\n\n'); sys.stdout.flush(); sys.stderr.write('last')"
    assert await finished(python(text)) == (0, ["one", "�", "", "last"])


async def test_line_without_end_is_cut() -> None:
    """A writer that never ends its line cannot fill the launcher's memory; nothing is lost."""
    status, lines = await finished(python("print('x' * 300_000)"))
    assert status == 0
    assert "".join(lines) == "x" * 300_000
    assert max(map(len, lines)) <= 2 * 64 * 1024


async def test_exit_status() -> None:
    """As the program gave it, negative when a signal ended it."""
    assert (await finished(python("raise SystemExit(3)")))[0] == 3
    assert (await finished(python("import os; os.kill(os.getpid(), 9)")))[0] == -signal.SIGKILL


async def test_stop_is_by_the_programs_own_signal() -> None:
    """A program that ends at its stop signal is not killed."""
    text = "import signal\nsignal.signal(signal.SIGINT, lambda *_: exit(0))\nprint('up', flush=True)\nsignal.pause()"
    lines = Lines()
    process = Process(python(text, stop_signal=signal.SIGINT), lines)
    await process.start()
    await lines.first
    await process.stop(grace=5)
    assert process.pid is None
    assert lines == ["up"]


async def test_stop_ends_a_stubborn_group() -> None:
    """A program that ignores the signal is killed after its grace, with everything it started."""
    lines = Lines()
    process = Process(python(_STUBBORN), lines)
    await process.start()
    grandchild = psutil.Process(int(await lines.first))
    assert process.pid is not None
    child = psutil.Process(process.pid)
    began = time.monotonic()
    await process.stop(grace=0.2)
    assert 0.2 <= time.monotonic() - began < allowed(2)
    assert left_of([child, grandchild], within=1) == []
    assert lines[-1] == "still running after 0.2 s: killed"


async def test_group_ends_with_its_leader() -> None:
    """When a program is killed, what it started does not live on beside its successor."""
    lines = Lines()
    process = Process(python(_STUBBORN), lines)
    await process.start()
    grandchild = psutil.Process(int(await lines.first))
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    assert left_of([grandchild], within=1) == []


async def test_stop_of_what_does_not_run() -> None:
    """Nothing happens: neither before the first start nor after the end."""
    process = Process(python("pass"), Lines())
    await process.stop(grace=1)
    await process.start()
    await process.wait()
    await process.stop(grace=1)


async def test_program_that_fails_says_why() -> None:
    """The error carries the last lines and the status."""
    with pytest.raises(ProgramFailedError, match=r"(?s)no such column.*tiny ended with exit status 1"):
        await run_to_end(python("exit('no such column')"), lambda _: None)
    await run_to_end(python("pass"), lambda _: None)


async def test_cancelled_run_leaves_nothing() -> None:
    """A program that is not waited for any more is ended."""
    lines = Lines()
    run = asyncio.create_task(run_to_end(python(_STUBBORN), lines))
    grandchild = psutil.Process(int(await lines.first))
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert left_of([grandchild], within=1) == []

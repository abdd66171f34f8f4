"""Nothing is left of a bench program, whoever ends it."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from cli.interrupts import INTERRUPTED
from deploy.local.program import ROOT
from shared.runtime.tests.eventually import eventually
from tests.e2e.platform import runs
from tests.heeded import heeded_signals

pytestmark = pytest.mark.integration

START_SECONDS, END_SECONDS = 60.0, 20.0


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """What is started does not ignore what ends it."""
    with heeded_signals():
        yield


class Begun:
    """A program that runs, and what it has started."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    def family(self) -> list[psutil.Process]:
        """Itself with all that it has started."""
        itself = psutil.Process(self.process.pid)
        return [itself, *itself.children(recursive=True)]

    async def until_runs(self, *names: str) -> list[psutil.Process]:
        """Wait until these are among what it has started, by parts of their command lines; return all of it."""

        async def run() -> bool:
            assert self.process.returncode is None
            lines = [_command(each) for each in self.family()]
            return all(any(name in line for line in lines) for name in names)

        await eventually(run, within=START_SECONDS)
        return self.family()


@asynccontextmanager
async def begun(folder: Path, *command: str) -> AsyncIterator[Begun]:
    """Run a module, with its temporary files in a folder."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield Begun(process)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until_gone(family: Sequence[psutil.Process]) -> None:
    """Wait for the end of all of these."""

    async def gone() -> bool:
        return not any(map(runs, family))

    try:
        await eventually(gone, within=END_SECONDS)
    except TimeoutError:
        raise AssertionError(f"still there: {[_command(each) for each in family if runs(each)]}") from None


@pytest.mark.parametrize(
    ("number", "loop"),
    [(signal.SIGINT, "asyncio"), (signal.SIGTERM, "uvloop"), (signal.SIGHUP, "asyncio"), (signal.SIGKILL, "asyncio")],
)
async def test_nothing_is_left_of_a_program_that_is_ended(tmp_path: Path, number: signal.Signals, loop: str) -> None:
    """By Ctrl-C, by who looks after it, by the end of its terminal, or killed: but for the files, in that last case."""
    async with begun(tmp_path, "bench.tests.begun", loop) as started:
        assert started.process.stdout is not None
        assert await started.process.stdout.readline() == b"begun\n"
        family = await started.until_runs("valkey", "http.server")
        os.kill(started.process.pid, number)
        await until_gone(family)
        killed = number == signal.SIGKILL
        assert await started.process.wait() == (-number if killed else INTERRUPTED)
    assert killed or list(tmp_path.iterdir()) == []


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("number", "of"),
    [
        (signal.SIGTERM, "bench.performance"),
        (signal.SIGKILL, "bench.scrapes"),
        pytest.param(signal.SIGKILL, "bench.performance", marks=pytest.mark.long),
    ],
)
async def test_a_platform_ends_with_what_measures_it(tmp_path: Path, number: signal.Signals, of: str) -> None:
    """Whether that is ended, or what has started it: neither servers nor services stay, and no part goes on alone."""
    async with begun(tmp_path, "bench.performance", "--only", "scrapes") as started:
        family = await started.until_runs("bench.scrapes", "deploy.local", "postgres", "services.gateway")
        [itself] = [each for each in family if f"-m {of}" in _command(each)]
        itself.send_signal(number)
        await until_gone(family)
    if of == "bench.performance" and number == signal.SIGTERM:
        assert list(tmp_path.iterdir()) == []


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.NoSuchProcess):
        return " ".join(process.cmdline())
    return ""

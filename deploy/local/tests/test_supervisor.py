"""Restarts."""

import asyncio
import os
import signal
import sys

import pytest

from deploy.local import supervisor as module
from deploy.local.process import Process
from deploy.local.program import Program
from deploy.local.supervisor import Supervisor
from tests.seconds import allowed


class Watched:
    """A supervised tiny program, its starts and what is announced."""

    def __init__(self, text: str) -> None:
        self.pids: asyncio.Queue[int] = asyncio.Queue()
        self.announced: list[str] = []
        program = Program("tiny", [sys.executable, "-c", f"import os; print(os.getpid(), flush=True)\n{text}"])
        self.supervisor = Supervisor(Process(program, self._line), self.announced.append)

    def _line(self, line: str) -> None:
        if line.isdigit():
            self.pids.put_nowait(int(line))

    async def started(self) -> int:
        """The pid of the next start."""
        return await asyncio.wait_for(self.pids.get(), allowed(5))


async def test_killed_process_is_started_again() -> None:
    """At once, as another process, and it is announced."""
    watched = Watched("import time; time.sleep(600)")
    watched.supervisor.start()
    first = await watched.started()
    os.kill(first, signal.SIGKILL)
    assert await watched.started() != first
    assert watched.announced == ["tiny was ended by SIGKILL; starting it again now"]
    await watched.supervisor.stop(grace=1)


async def test_pauses_grow_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that cannot live does not keep the machine busy; it is tried for ever, every 2 s at last."""
    assert module._PAUSES == (0.0, 0.25, 0.5, 1.0, 2.0)
    monkeypatch.setattr(module, "_PAUSES", (0.0, 0.01, 0.02))
    watched = Watched("raise SystemExit(3)")
    watched.supervisor.start()
    for _ in range(6):
        await watched.started()
    await watched.supervisor.stop(grace=1)
    pauses = [line.removeprefix("tiny ended with exit status 3; starting it again ") for line in watched.announced]
    assert pauses[:5] == ["now", "in 0.01 s", "in 0.02 s", "in 0.02 s", "in 0.02 s"]


async def test_death_after_a_steady_run_counts_as_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that ran well and dies is started at once, however often it died long ago."""
    monkeypatch.setattr(module, "_STEADY_AFTER", 0.0)
    watched = Watched("raise SystemExit(3)")
    watched.supervisor.start()
    for _ in range(4):
        await watched.started()
    await watched.supervisor.stop(grace=1)
    assert set(watched.announced) == {"tiny ended with exit status 3; starting it again now"}


@pytest.mark.parametrize("way", ["stop", "kill"])
async def test_stopped_process_stays_stopped(way: str) -> None:
    """After stop and after kill nothing runs and nothing is announced; start brings it back."""
    watched = Watched("import time; time.sleep(600)")
    for _ in range(2):
        watched.supervisor.start()
        await watched.started()
        await (watched.supervisor.kill() if way == "kill" else watched.supervisor.stop(grace=1))
        assert watched.supervisor.process.pid is None
    assert watched.announced == []
    assert watched.pids.empty()


async def test_machine_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that cannot be started now is tried again like one that died."""
    watched = Watched("import time; time.sleep(600)")
    start = watched.supervisor.process.start
    refusals = iter([BlockingIOError("no more processes")])

    async def start_at_the_second_attempt() -> None:
        for refusal in refusals:
            raise refusal
        await start()

    monkeypatch.setattr(watched.supervisor.process, "start", start_at_the_second_attempt)
    watched.supervisor.start()
    await watched.started()
    assert watched.announced == ["tiny cannot be started (no more processes); starting it again now"]
    await watched.supervisor.stop(grace=1)

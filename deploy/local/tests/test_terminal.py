"""Ctrl-C under make, on a terminal."""

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

import deploy
from tests.seconds import allowed

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")

_ROOT = Path(deploy.__file__).parents[1]
_PROGRAM = """
import os, signal, sys
from deploy.local.terminal import own_foreground
signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
with own_foreground(os.environ):
    print("running", flush=True)
    while True:
        signal.pause()
"""


class Terminal:
    """What a person at a terminal sees of one command, and may type."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.text = ""
        self._pid = pid
        self._descriptor = descriptor

    def until(self, text: str, within: float = 10.0) -> None:
        """Read until `text` was shown."""
        deadline = time.monotonic() + allowed(within)
        while text not in self.text:
            assert self._more(deadline - time.monotonic()), f"no {text!r} in {self.text!r}"

    def type(self, keys: bytes) -> None:
        """Press keys; 3 is Ctrl-C, 26 is Ctrl-Z."""
        os.write(self._descriptor, keys)

    def end(self, within: float = 10.0) -> int:
        """Read what is left to read; the exit status, negative for a signal."""
        deadline = time.monotonic() + allowed(within)
        while self._more(deadline - time.monotonic()):
            pass
        _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status)

    def _more(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._descriptor], [], [], max(0.0, seconds))
        assert readable, f"nothing more was shown after {self.text!r}"
        try:
            read = os.read(self._descriptor, 4096)
        except OSError:  # Linux: everybody on the other side has closed it
            return False
        self.text += read.decode()
        return bool(read)


@contextmanager
def terminal(folder: Path, *command: str) -> Iterator[Terminal]:
    """A terminal with a command on it."""
    pid, descriptor = pty.fork()
    if pid == 0:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)  # tests that run in the background may have these ignored
        os.chdir(folder)
        os.execvpe(command[0], command, {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT)})
    leader = psutil.Process(pid)
    try:
        yield Terminal(pid, descriptor)
    finally:
        left = _family(leader)
        os.close(descriptor)
        for process in left:  # a hang-up does not end what the test found wanting
            process.kill()


def _family(leader: psutil.Process) -> list[psutil.Process]:
    try:
        return [*leader.children(recursive=True), leader]
    except psutil.NoSuchProcess:
        return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text(_PROGRAM)
    (tmp_path / "Makefile").write_text(f"run:\n\t@{sys.executable} program.py\n")
    return tmp_path


def test_stop_by_ctrl_c_is_a_success(folder: Path) -> None:
    """make ends with status 0 and does not speak of an interrupt."""
    with terminal(folder, "make", "run") as shown:
        shown.until("running")
        shown.type(b"\x03")
        assert shown.end() == 0
    assert "Interrupt" not in shown.text
    assert "***" not in shown.text


def test_the_terminal_goes_back_to_make(folder: Path) -> None:
    """What make runs next on the terminal can be interrupted as ever."""
    with (folder / "Makefile").open("a") as makefile:
        makefile.write("\t@echo next; exec sleep 600\n")
    with terminal(folder, "make", "run") as shown:
        shown.until("running")
        shown.type(b"\x03")
        shown.until("next")
        shown.type(b"\x03")
        assert shown.end() != 0


def test_ctrl_z_does_not_stop_it(folder: Path) -> None:
    """The shell watches make's group: it would never learn that another has been stopped, nor could it go on."""
    with terminal(folder, "make", "run") as shown:
        shown.until("running")
        shown.type(b"\x1a")
        shown.type(b"\x03")
        assert shown.end() == 0


def test_without_make_nothing_changes(folder: Path) -> None:
    """Started by hand it stays in the group that its shell made for it."""
    (folder / "program.py").write_text(_PROGRAM.replace('"running"', '"running", os.getpgrp() == os.getpid()'))
    with terminal(folder, "/bin/sh", "-c", f"{sys.executable} program.py; echo done") as shown:
        shown.until("running False")
        shown.type(b"\x03")
        shown.end()


def test_without_a_terminal_nothing_changes(folder: Path) -> None:
    """In a pipe or under a service manager there is nothing to take: it stays in make's group."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT)}
    make = subprocess.Popen(
        ["make", "run"], cwd=folder, env=environ, start_new_session=True, stdout=subprocess.PIPE, text=True
    )
    assert make.stdout is not None
    assert make.stdout.readline() == "running\n"
    (program,) = psutil.Process(make.pid).children()
    assert os.getpgid(program.pid) == make.pid
    os.killpg(make.pid, signal.SIGINT)
    make.communicate(timeout=10)

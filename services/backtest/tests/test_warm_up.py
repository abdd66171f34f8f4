"""Kernels: all are ready before the first job, and one process compiles them."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from services.backtest import warm_up
from services.backtest.tests.steps import until
from services.backtest.warm_up import STATE, TRIES, keep_once
from shared.runtime.connecting import CannotStart
from tests.kernels import WARM_UP

ROOT = Path(__file__).parents[3]
ABI = f"py{sys.version_info.major}{sys.version_info.minor}{sys.abiflags}"
KERNEL, OTHER = f"sma.sma-10.{ABI}.1.nbc", "sma.sma-10.py39.1.nbc"
AT_ONCE = 10.0

CUT_SHORT = """
import os, signal, sys
from pathlib import Path
from services.backtest.warm_up import keep_once

def compile_all(lock):
    Path(sys.argv[1], sys.argv[2]).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)

keep_once([Path(sys.argv[1])], "one", compile_all, lambda: None, lambda: None)
"""


class Engine:
    """Kernels of one version in a folder; `compiled` and `loaded` count what was done for each process."""

    def __init__(self, folder: Path, version: str = "one") -> None:
        self.folder, self.version = folder, version
        self.begun = self.compiled = self.loaded = self.tries = 0
        self.compiling: Callable[[], object] = lambda: None
        self.loading: Callable[[], object] = lambda: None
        self.kills = 0

    def warm_up(self) -> None:
        """What each process does."""
        keep_once([self.folder], self.version, self._compile, self._load, self._begin)

    def _begin(self) -> None:
        self.begun += 1

    def _compile(self, lock: int) -> bool:
        os.fstat(lock)  # it is open
        self.tries += 1
        self.compiling()
        kernel = self.folder / KERNEL
        if self.tries <= self.kills:
            kernel.write_text("half")
            return False
        if not kernel.exists():
            self.compiled += 1
            kernel.write_text(self.version)
        return True

    def _load(self) -> None:
        self.loading()
        assert (self.folder / KERNEL).read_text() == self.version
        self.loaded += 1


def test_processes_that_start_together_compile_once(tmp_path: Path) -> None:
    """One compiles, and says so; the others wait and load."""
    engine = Engine(tmp_path)
    together = threading.Barrier(4)

    def process(_: int) -> None:
        together.wait(AT_ONCE)
        engine.warm_up()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(process, range(4)))
    assert (engine.begun, engine.compiled, engine.loaded) == (1, 1, 4)


def test_processes_that_find_kernels_load_them_at_the_same_time(tmp_path: Path) -> None:
    """Later starts wait for nobody."""
    engine = Engine(tmp_path)
    engine.warm_up()
    together = threading.Barrier(3)
    engine.loading = lambda: together.wait(AT_ONCE)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: engine.warm_up(), range(3)))
    assert (engine.begun, engine.loaded) == (1, 4)


def test_a_process_killed_while_it_compiles_is_followed_by_the_next(tmp_path: Path) -> None:
    """It holds nothing up, and what it left half-way is used by nobody."""
    process = [sys.executable, "-c", CUT_SHORT, str(tmp_path), KERNEL]
    assert subprocess.run(process, cwd=ROOT, check=False).returncode == -9
    assert (tmp_path / KERNEL).read_text() == "half"
    engine = Engine(tmp_path)
    engine.warm_up()
    assert (engine.begun, engine.compiled) == (1, 1)


def test_a_compiler_that_is_killed_begins_anew(tmp_path: Path) -> None:
    """Nothing of what it left half-way is used; who waits for it is told once."""
    engine = Engine(tmp_path)
    engine.kills = 2
    engine.warm_up()
    assert (engine.begun, engine.tries, engine.compiled, engine.loaded) == (1, 3, 1, 1)


def test_an_error_is_raised_and_leaves_nothing_to_use(tmp_path: Path) -> None:
    """A full disk, say: the next process begins anew."""
    engine = Engine(tmp_path)

    def fail() -> None:
        (tmp_path / KERNEL).write_text("half")
        raise OSError("No space left on device")

    engine.compiling = fail
    with pytest.raises(OSError, match="No space"):
        engine.warm_up()
    engine.compiling = lambda: None
    engine.warm_up()
    assert engine.compiled == 1


def test_kernels_of_another_version_are_removed(tmp_path: Path) -> None:
    """Those of this Python: another's are its own."""
    Engine(tmp_path).warm_up()
    (tmp_path / OTHER).write_text("one")
    newer = Engine(tmp_path, "two")
    newer.warm_up()
    assert (newer.begun, newer.compiled, (tmp_path / OTHER).exists()) == (1, 1, True)


def test_kernels_compiled_before_any_of_this_are_kept(tmp_path: Path) -> None:
    """By a test, or a program that called a few; what is missing is compiled and all is whole from then on."""
    (tmp_path / KERNEL).write_text("one")
    engine = Engine(tmp_path)
    engine.warm_up()
    engine.warm_up()
    assert (engine.begun, engine.compiled, engine.loaded) == (1, 0, 2)
    assert (tmp_path / STATE).read_text() == "one whole"


def test_a_compiler_that_is_always_killed_is_given_up(tmp_path: Path) -> None:
    """Where there is not memory enough, say; the next start begins anew."""
    engine = Engine(tmp_path)
    engine.kills = TRIES
    with pytest.raises(CannotStart, match="more memory"):
        engine.warm_up()
    assert (engine.tries, engine.loaded) == (TRIES, 0)
    engine.warm_up()
    assert (engine.begun, engine.compiled, engine.loaded) == (2, 1, 1)


def test_the_compiler_ends_well() -> None:
    """By itself, while its parent waits with the pipe open."""
    command = [sys.executable, "-m", warm_up.COMPILER]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) as compiler:
        assert compiler.wait() == 0


async def test_the_compiler_ends_with_its_parent(tmp_path: Path) -> None:
    """However that ends; and the folders are the compiler's until it has."""
    environ = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    parent = subprocess.Popen(WARM_UP, cwd=ROOT, env=environ)
    compilers: list[psutil.Process] = []
    try:

        async def compiles() -> bool:
            compilers[:] = psutil.Process(parent.pid).children()
            return bool(compilers)

        await until(compiles, seconds=60)
    finally:
        parent.kill()
        parent.wait()

    async def is_gone() -> bool:
        return not compilers[0].is_running()

    await until(is_gone, seconds=10)


def test_what_cannot_be_compiled_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that compiles ends with an error, which is in its own words on the standard error."""
    monkeypatch.setattr(warm_up, "COMPILER", "services.backtest.no_such_module")
    monkeypatch.setattr(warm_up, "kernel_folders", lambda: [tmp_path])
    with pytest.raises(CannotStart, match="could not be compiled"):
        warm_up.warm_up(lambda: None)


def test_no_job_waits_for_the_compiler() -> None:
    """Whatever a job may ask of the engine, no kernel of it is called with types that the warm-up has not had.

    Looked at in a process of its own, over every function of the language, in single runs and in sweeps.
    """
    subprocess.run([sys.executable, "-m", "services.backtest.tests.every_kernel"], cwd=ROOT, check=True)


@pytest.mark.long
def test_the_warm_up_comes_to_every_kernel(tmp_path: Path) -> None:
    """Seen where all are compiled: kernels that were kept hold the machine code of those they call."""
    environ = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    subprocess.run(
        [sys.executable, "-m", "services.backtest.tests.every_kernel", "all"], cwd=ROOT, env=environ, check=True
    )

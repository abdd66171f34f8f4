"""Has every kernel ready before the first job: compiled by one process, and kept for all others."""

import fcntl
import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
from numba.core.registry import cpu_target

from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.engine.jit import source_digest
from services.backtest.core.engine.simulate import simulate
from services.backtest.core.engine.warm import warm_kernels
from services.backtest.core.sweep.combination_kernel import run_combinations
from services.backtest.core.sweep.warm import warm_sweeps
from shared.runtime.connecting import CannotStart

log = logging.getLogger(__name__)

_ABI = f"py{sys.version_info.major}{sys.version_info.minor}{sys.abiflags}"
"""What the names of this Python's kernels have in them."""
LOCK = f"kernels-{_ABI}.lock"
STATE = f"kernels-{_ABI}.state"
BEGUN, WHOLE = "begun", "whole"
TRIES = 3
COMPILER = "services.backtest.compile_kernels"


def warm_up(compiling: Callable[[], None]) -> None:
    """Load every kernel that a job can come to, once another process has compiled them all.

    Compiling takes half a minute of one core, and is told by `compiling()` before it begins; loading takes a second.
    Raises CannotStart when they cannot be compiled.
    """

    def begin() -> None:
        log.info("compiling the engine, once per installation and version; this takes a minute or so")
        compiling()

    keep_once(kernel_folders(), _version(), _compile, all_kernels, begin)


def keep_once(
    folders: Sequence[Path],
    version: str,
    compile_all: Callable[[int], bool],
    load: Callable[[], None],
    beginning: Callable[[], None],
) -> None:
    """Have the folders filled with the kernels of a version, by one process, and `load` them in each.

    The first process has the folders to itself, after `beginning()`, and the others wait until it is done or dead: two
    that write at a time could put the machine code of one under the types of the other. `compile_all` is given the
    lock, an open file, and says whether it came to its end; CannotStart is raised when it has not in TRIES times. What
    another version left, or a process that was killed, is removed before: numba writes in an index the name of a file
    that is still to come, where an older one may stand. Kernels that were compiled one by one, before any of this, are
    kept.
    """
    state, whole = folders[0] / STATE, f"{version} {WHOLE}"
    with _lock(folders[0] / LOCK) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if _text(state) != whole:
            fcntl.flock(lock, fcntl.LOCK_EX)
        if _text(state) != whole:
            beginning()
            for _ in range(TRIES):
                if _text(state):
                    for path in _files(folders, "*"):  # half-written ones too
                        path.unlink(missing_ok=True)
                _write(state, f"{version} {BEGUN}")
                if compile_all(lock):
                    break
            else:
                raise CannotStart(f"what compiles the engine was ended {TRIES} times; it may need more memory")
            # Named whole only once they are on the disk: after a power cut some would be there in name alone.
            for path in _files(folders, "*nb[ic]"):
                _flush(path)
            _write(state, whole)
        load()


def kernel_folders() -> list[Path]:
    """Where numba keeps the kernels: a folder for each package they are in."""
    kernels: list[Any] = [simulate, *KERNELS.values(), run_combinations]
    return list(dict.fromkeys(Path(kernel.stats.cache_path) for kernel in kernels))


def all_kernels() -> None:
    """Call each with all the types that jobs call it with: it is loaded where it is kept, and compiled where not."""
    warm_kernels()
    warm_sweeps()


def _compile(lock: int) -> bool:
    """Compile in a process of its own: the compiler takes 250 MiB and more, and its process never gives them back.

    That process has the lock too, until it has ended: this one may be killed before.
    """
    command = [sys.executable, "-m", COMPILER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(lock,)) as compiler:  # noqa: S603 - our own words
        code = compiler.wait()
    if code > 0:
        raise CannotStart("the engine could not be compiled")
    if code < 0:
        log.warning("what compiles the engine was ended by signal %d, and begins anew", -code)
    return code == 0


def _version() -> str:
    """A name for what the machine code depends on."""
    parts = (numba.__version__, source_digest(), cpu_target.target_context.codegen().magic_tuple())
    return hashlib.sha256(repr(parts).encode()).hexdigest()


@contextmanager
def _lock(path: Path) -> Iterator[int]:
    # To read is enough for a lock: the file may belong to another user of the folder.
    descriptor = os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _write(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    _flush(new)
    new.replace(path)


def _files(folders: Sequence[Path], ending: str) -> list[Path]:
    return [path for folder in folders for path in folder.glob(f"*.{_ABI}.{ending}")]


def _flush(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())

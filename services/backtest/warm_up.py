"""Has every kernel ready before the first job: compiled by one process, and kept for all others."""

import fcntl
import hashlib
import logging
import os
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

log = logging.getLogger(__name__)

_ABI = f"py{sys.version_info.major}{sys.version_info.minor}{sys.abiflags}"
"""What the names of this Python's kernels have in them."""
LOCK = f"kernels-{_ABI}.lock"
STATE = f"kernels-{_ABI}.state"
BEGUN, WHOLE = "begun", "whole"


def warm_up(compiling: Callable[[], None]) -> None:
    """Compile every kernel that a job can come to, or load what another process has compiled.

    Compiling takes half a minute of one core, and is told by `compiling()` before it begins; loading takes a second.
    """

    def begin() -> None:
        log.info("compiling the engine, once per installation and version; this takes a minute or so")
        compiling()

    keep_once(kernel_folders(), _version(), _all_kernels, begin)


def keep_once(folders: Sequence[Path], version: str, work: Callable[[], None], beginning: Callable[[], None]) -> None:
    """Do `work`, which fills the folders with kernels of a version, or loads what it finds there, in each process.

    The first process has the folders to itself, after `beginning()`, and the others wait until it is done or dead: two
    that write at a time could put the machine code of one under the types of the other. What another version left, or a
    process that was killed, is removed before: numba writes in an index the name of a file that is still to come, where
    an older one may stand. Kernels that were compiled one by one, before any of this, are kept.
    """
    state, whole = folders[0] / STATE, f"{version} {WHOLE}"
    with _lock(folders[0] / LOCK) as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        if _text(state) != whole:
            fcntl.flock(lock, fcntl.LOCK_EX)
        found = _text(state)
        if found == whole:
            work()
            return
        beginning()
        if found:
            for path in _files(folders, "*"):  # half-written ones too
                path.unlink(missing_ok=True)
        _write(state, f"{version} {BEGUN}")
        work()
        # Named whole only once they are on the disk: after a power cut some would be there in name alone.
        for path in _files(folders, "*nb[ic]"):
            _flush(path)
        _write(state, whole)


def kernel_folders() -> list[Path]:
    """Where numba keeps the kernels: a folder for each package they are in."""
    kernels: list[Any] = [simulate, *KERNELS.values(), run_combinations]
    return list(dict.fromkeys(Path(kernel.stats.cache_path) for kernel in kernels))


def _all_kernels() -> None:
    warm_kernels()
    warm_sweeps()


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

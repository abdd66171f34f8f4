"""One launcher per DATA_DIR, and no server on data that the server of a killed launcher has not let go of yet.

Two flocks: `launcher.lock` belongs to the launcher alone; the descriptor of `servers.lock` is inherited by the embedded
servers, so that it stays taken until the last of them has ended. Nobody has to guess from process ids.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from deploy.local.errors import StartError

_SERVERS_END_WITHIN = 10.0
_POLL_SECONDS = 0.1
_SERVERS_LOCK = "servers.lock"


class DataDirLock:
    """Both locks, held from entry to exit. `for_servers` is the descriptor that servers inherit."""

    def __init__(self, data_dir: Path, *, servers_end_within: float = _SERVERS_END_WITHIN) -> None:
        self._data_dir = data_dir
        self._servers_end_within = servers_end_within
        self._descriptors: list[int] = []

    @property
    def for_servers(self) -> int:
        """The descriptor of `servers.lock`."""
        return self._descriptors[1]

    def __enter__(self) -> Self:
        """Take both locks. Raises StartError: which launcher has the folder, or that its servers have not ended."""
        try:
            self._take_launcher_lock(self._open("launcher.lock"))
            self._take_servers_lock(self._open(_SERVERS_LOCK))
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _open(self, name: str) -> int:
        descriptor = os.open(self._data_dir / name, os.O_RDWR | os.O_CREAT, 0o600)
        self._descriptors.append(descriptor)
        return descriptor

    def _close(self) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _take_launcher_lock(self, descriptor: int) -> None:
        if not _taken(descriptor):
            holder = os.pread(descriptor, 32, 0).decode() or "not known"
            raise StartError(
                f"{self._data_dir} is in use by another launcher (pid {holder}). "
                "Stop that one, or choose another folder: DATA_DIR=..."
            )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)

    def _take_servers_lock(self, descriptor: int) -> None:
        deadline = time.monotonic() + self._servers_end_within
        while not _taken(descriptor):
            if time.monotonic() > deadline:
                pids = " ".join(map(str, _users_of(self._data_dir / _SERVERS_LOCK)))
                raise StartError(
                    f"{self._data_dir} is still in use by servers of a launcher that is gone, and they do not end. "
                    f"End them: {f'kill -9 {pids}' if pids else 'they are postgres and valkey-server processes'}; "
                    "or choose another folder: DATA_DIR=..."
                )
            time.sleep(_POLL_SECONDS)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _users_of(file: Path) -> Iterator[int]:
    """The other processes that have it open, as far as this user may know."""
    path = str(file.resolve())
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and path in {opened.path for opened in process.open_files()}:
                yield process.pid

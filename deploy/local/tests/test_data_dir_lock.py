"""One launcher, and one set of servers, per DATA_DIR."""

import os
import subprocess
from pathlib import Path

import pytest

from deploy.local.data_dir_lock import DataDirLock
from deploy.local.errors import StartError


def test_second_holder_is_refused(tmp_path: Path) -> None:
    """The refusal comes at once and names the first holder's process."""
    with DataDirLock(tmp_path), pytest.raises(StartError, match=rf"another launcher \(pid {os.getpid()}\)"):
        DataDirLock(tmp_path).__enter__()


def test_free_again_after_use(tmp_path: Path) -> None:
    """Leaving gives the folder back; another folder was free all the time."""
    for _ in range(2):
        with DataDirLock(tmp_path):
            other = tmp_path / "other"
            other.mkdir(exist_ok=True)
            with DataDirLock(other):
                pass


def test_waits_for_servers_of_a_launcher_that_is_gone(tmp_path: Path) -> None:
    """The folder is not given to a new launcher before the last server that inherited the lock has ended.

    Which that is, and how to end it, is told.
    """
    with DataDirLock(tmp_path) as lock:
        server = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, pass_fds=[lock.for_servers])
    with pytest.raises(StartError, match=rf"servers of a launcher that is gone.* kill -9 {server.pid};"):
        DataDirLock(tmp_path, servers_end_within=0.2).__enter__()
    server.communicate()
    with DataDirLock(tmp_path):
        pass

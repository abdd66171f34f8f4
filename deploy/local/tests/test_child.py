"""The exec wrapper: accounts and the death signal."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deploy.local.child import CANNOT_RUN
from deploy.local.program import Program
from deploy.local.tests.stand_in import left_of

_WHO_AM_I = ["/bin/sh", "-c", "id -u; id -g"]
_PARENT = """
import subprocess, time
from deploy.local.program import Program
subprocess.Popen(Program("child", ["/bin/sh", "-c", "echo $$; exec sleep 600"]).wrapped())
time.sleep(600)
"""


def _run(program: Program) -> subprocess.CompletedProcess[str]:
    return subprocess.run(program.wrapped(), check=False, capture_output=True, text=True)


def test_same_account() -> None:
    """Without another account the command runs as who started it."""
    answer = _run(Program("id", _WHO_AM_I))
    assert answer.stdout.split() == [str(os.geteuid()), str(os.getegid())]


def test_user_namespace(tmp_path: Path) -> None:
    """In a namespace the command appears as another, yet what it writes belongs to who started it."""
    file = tmp_path / "written"
    answer = _run(Program("id", ["/bin/sh", "-c", f"id -u; touch {file}"], account="namespace:65534:65534"))
    if answer.returncode == CANNOT_RUN:
        pytest.skip(f"no user namespaces on this machine: {answer.stderr}")
    assert answer.stdout.strip() == "65534"
    assert file.stat().st_uid == os.geteuid()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another account")
def test_other_account() -> None:
    """Root gives itself up: user, group and supplementary groups."""
    program = Program("id", ["/bin/sh", "-c", "id -u; id -g; id -G"], account="other:65534:65533")
    answer = subprocess.run(program.wrapped(), check=True, capture_output=True, text=True, extra_groups=[4, 27])
    assert answer.stdout.split() == ["65534", "65533", "65533"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may become anybody")
def test_account_that_may_not_be_taken() -> None:
    """A refused change of account is reported, and the command does not run."""
    answer = _run(Program("id", _WHO_AM_I, account="other:1:1"))
    assert (answer.returncode, answer.stdout) == (CANNOT_RUN, "")


def test_command_that_is_not_there() -> None:
    """The reason is one line, not a traceback."""
    answer = _run(Program("gone", ["/no/such/command"]))
    assert answer.returncode == CANNOT_RUN
    assert answer.stderr.startswith("cannot run /no/such/command")
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="a Linux call")
def test_ends_with_its_parent() -> None:
    """kill -9 of the parent ends the child."""
    parent = subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert left_of([child], within=5) == []


def test_parent_that_is_gone_already() -> None:
    """A child whose parent died before it could ask for the death signal ends as well."""
    wrapped = Program("child", ["/bin/sleep", "600"]).wrapped()
    wrapped[wrapped.index(str(os.getpid()))] = "1"
    assert subprocess.run(wrapped, check=False, timeout=5).returncode == -signal.SIGKILL

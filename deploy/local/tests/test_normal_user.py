"""The launcher run by a normal user, where the tests themselves are run by root."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.tests.stand_in import launched, left_of, make_tree

pytestmark = pytest.mark.integration

_NOBODY = 65534
_STARTS_ITSELF = "import asyncpg, deploy.local, subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
_ENVIRON = {"PYTHONPATH": sysconfig.get_path("purelib"), "HOME": "/nonexistent"}


@pytest.fixture
def tree() -> Iterator[Path]:
    """Outside pytest's own folder, which only root can enter."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv")
    root = Path(tempfile.mkdtemp(prefix="aurelius-tree-"))
    make_tree(root)
    os.chown(root, _NOBODY, _NOBODY)
    yield root
    shutil.rmtree(root)


@pytest.fixture
def python(tree: Path) -> list[str]:
    """How to run Python, with this environment's packages, as nobody."""
    for interpreter in (sys.executable, f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"):
        command = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", interpreter]
        check = [*command, "-c", _STARTS_ITSELF]
        if subprocess.run(check, check=False, capture_output=True, cwd=tree, env=_ENVIRON).returncode == 0:
            return command
    pytest.skip("no Python that a normal user can run with these packages")


async def test_normal_user_starts_and_stops(tree: Path, python: list[str]) -> None:
    """Started twice and stopped, all as that user: Postgres runs under it directly, and everything belongs to it."""
    for number in (1, 2):
        async with launched(tree, _ENVIRON, python) as launcher:
            await launcher.line_with(f"start number {number}")
            await launcher.line_with("ready after")
            family = launcher.family()
            assert {process.uids().effective for process in family} == {_NOBODY}
            launcher.signal(signal.SIGTERM)
            assert await launcher.end(within=5) == 0
            assert left_of(family, within=0.5) == []
    assert (tree / "data/postgres/data").stat().st_uid == _NOBODY


async def test_folder_of_another_user(tree: Path, python: list[str]) -> None:
    """`sudo make run` first, `make run` then: what cannot be opened, and the way out, in one line."""
    data = tree / "data"
    data.mkdir(mode=0o755)
    (data / "launcher.lock").touch(mode=0o600)
    async with launched(tree, _ENVIRON, python) as launcher:
        assert await launcher.end() == 1
    (said,) = launcher.lines
    assert (
        f"cannot start: [Errno 13] Permission denied: '{data}/launcher.lock'. Start as the user it belongs to" in said
    )
    assert "DATA_DIR=" in said

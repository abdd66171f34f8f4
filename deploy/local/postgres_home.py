"""The folder Postgres works in, made so that its account can reach and owns it."""

import os
import shutil
import tempfile
from pathlib import Path

from deploy.local.account import Account
from deploy.local.errors import StartError

ROOT_HOMES = Path("/var/lib/aurelius")
"""Where root keeps what another account must reach; only root can write beside it."""


def settle(folder: Path, account: Account) -> None:
    """Make `folder`, for another account as a link to a place it can reach: DATA_DIR may be in root's home."""
    if account.kind == "other":
        _settle_elsewhere(folder)
    else:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def own(data: Path, account: Account) -> None:
    """Give the data folder to the account, if another had it. Raises StartError when that is not allowed."""
    uid, gid = account.owner
    if data.stat().st_uid == uid:
        return
    if os.geteuid() != 0:
        raise StartError(
            f"{data} belongs to another user (uid {data.stat().st_uid}). "
            "Start as that user, or choose another folder: DATA_DIR=..."
        )
    for path in (data, *data.rglob("*")):
        os.chown(path, uid, gid, follow_symlinks=False)


def make_root_homes() -> None:
    """Make ROOT_HOMES, enterable by everybody whatever the umask."""
    ROOT_HOMES.mkdir(parents=True, exist_ok=True)
    ROOT_HOMES.chmod(0o755)


def _settle_elsewhere(folder: Path) -> None:
    if folder.is_symlink() and folder.exists():
        return
    make_root_homes()
    home = Path(tempfile.mkdtemp(prefix="postgres-", dir=ROOT_HOMES))
    home.chmod(0o711)
    if folder.is_symlink():  # what it led to has been deleted
        folder.unlink()
    elif folder.exists():  # made when Postgres could work in DATA_DIR itself
        for entry in folder.iterdir():
            shutil.move(entry, home / entry.name)
        folder.rmdir()
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.symlink_to(home)

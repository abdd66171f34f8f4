"""Whether a disk has room for what is about to be kept on it."""

import shutil
from pathlib import Path

from deploy.local.errors import StartError

MIB = 1024 * 1024


def require_space(folder: Path, least: int) -> None:
    """Raise StartError when fewer than `least` bytes are free where `folder` is.

    A Postgres that finds no room ends itself, and takes what it was asked to keep with it.
    """
    free = shutil.disk_usage(folder).free
    if free < least:
        raise StartError(
            f"the disk is full: {free // MIB} MiB are free for {folder}, and {least // MIB} MiB are needed. "
            "Free some space, or choose another folder: DATA_DIR=..."
        )

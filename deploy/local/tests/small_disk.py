"""A disk that is small, full or read-only: a tmpfs, which only root may mount."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, mebibytes: int) -> Iterator[None]:
    """Have `folder` be a disk of this size. Skips the test where it cannot be."""
    folder.mkdir(exist_ok=True)
    options = f"size={mebibytes}m,mode=0755"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=False, capture_output=True, text=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"only root can make a small disk, and not everywhere: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path, leave_mebibytes: int = 0) -> None:
    """Shrink the disk to what is on it, and a little if asked for."""
    figures = os.statvfs(folder)
    used = (figures.f_blocks - figures.f_bfree) * figures.f_frsize
    _remount(folder, f"size={used + leave_mebibytes * 1024 * 1024}")


def make_read_only(folder: Path) -> None:
    """As a disk that the kernel no longer trusts."""
    _remount(folder, "ro")


def _remount(folder: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(folder)], check=True)

"""Secrets made once and kept in files that only their owner may read."""

import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from deploy.local.errors import StartError

_BYTES = 32
_FORM = re.compile(rf"[0-9a-f]{{{2 * _BYTES}}}")


def kept_secret(path: Path, *, or_else: str = "delete it to have a new one made") -> str:
    """The secret in `path` (64 hex digits: 32 random bytes), made there with mode 600 when there is none.

    Raises StartError when the file holds anything else: replacing it silently would lock its data out. `or_else` is
    what a person can do who cannot restore it.
    """
    text = kept_text(path, lambda: secrets.token_hex(_BYTES))
    if not _FORM.fullmatch(text):
        raise StartError(f"{path} does not hold {2 * _BYTES} hex digits. Restore it, or {or_else}")
    return text


def kept_text(path: Path, make: Callable[[], str]) -> str:
    """The text in `path`, which is `make`'s, written with mode 600, when there is no such file."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_whole(path, make())
    return path.read_text(encoding="utf-8", errors="replace").strip()


def _write_whole(path: Path, text: str) -> None:
    """Write, then rename, so that a launcher killed half-way leaves no half-written secret."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)

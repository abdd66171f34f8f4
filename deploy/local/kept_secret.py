"""A secret made once and kept in a file that only its owner may read."""

import os
import re
import secrets
from pathlib import Path

from deploy.local.errors import StartError

_BYTES = 32
_FORM = re.compile(rf"[0-9a-f]{{{2 * _BYTES}}}")


def kept_secret(path: Path) -> str:
    """The secret in `path` (64 hex digits: 32 random bytes), made there with mode 600 when there is none.

    Raises StartError when the file holds anything else: replacing it silently would lock its data out.
    """
    if not path.exists():
        _write_whole(path, secrets.token_hex(_BYTES))
    text = path.read_text(encoding="ascii", errors="replace").strip()
    if not _FORM.fullmatch(text):
        raise StartError(
            f"{path} does not hold {2 * _BYTES} hex digits. Restore it, or delete it to have a new one made."
        )
    return text


def _write_whole(path: Path, text: str) -> None:
    """Write, then rename, so that a launcher killed half-way leaves no half-written secret."""
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)

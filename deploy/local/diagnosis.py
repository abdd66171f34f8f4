"""What a person can do about a failure, told from the error of a file or from the last lines a program wrote."""

import errno
import re
import sys
from collections.abc import Sequence

_OTHER_FOLDER = "or choose another folder: DATA_DIR=..."
_FULL = f"The disk is full: free some space, {_OTHER_FOLDER}"
_READ_ONLY = f"The disk is mounted read-only: make it writable, {_OTHER_FOLDER}"
_IN_THE_WAY = f"It is in the place of a folder: move it away, {_OTHER_FOLDER}"
_DAMAGED = f"Its data are damaged: restore them from a backup, {_OTHER_FOLDER}"
_NOT_ALLOWED = f"Start as the user it belongs to, {_OTHER_FOLDER}"

_OWN_PACKAGES = ("deploy", "services", "shared")


def package_is_missing(name: str) -> str:
    """What to do where an import fails."""
    package = name.partition(".")[0]
    if package in _OWN_PACKAGES:
        return f"This checkout lacks {name}: restore it, for example by `git checkout .`"
    if sys.prefix == sys.base_prefix:
        return f"This Python lacks {package}: start with `make run`, which makes an environment of its own"
    return f"The environment lacks {package}: delete {sys.prefix} and run `make run` again"


def advice_on(error: OSError) -> str | None:
    """What to do where the operating system refuses; None when the error speaks for itself."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _FULL
    if error.errno == errno.EROFS:
        return _READ_ONLY
    if error.errno in {errno.EEXIST, errno.ENOTDIR}:
        return _IN_THE_WAY
    if error.errno in {errno.EACCES, errno.EPERM} and error.filename is not None:
        return _NOT_ALLOWED
    return None


def advice(lines: Sequence[str]) -> str | None:
    """What to do about a program that failed and wrote these lines; None when no line is one of those known."""
    text = "\n".join(lines)
    for pattern, say in _KNOWN:
        if found := pattern.search(text):
            return say if isinstance(say, str) else say(found[1])
    return None


def explained(what: str, lines: Sequence[str]) -> str:
    """A sentence about what failed, with what to do where that is known, and below it the program's last lines."""
    known = advice(lines)
    return "\n".join([f"{what}. {known}. Its last lines:" if known else f"{what}. Its last lines:", *_indented(lines)])


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]


_KNOWN = (
    (re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'"), package_is_missing),
    (re.compile(r"No space left on device|Disk quota exceeded"), _FULL),
    (re.compile(r"Read-only file system"), _READ_ONLY),
    # Of Postgres, and of a bus whose append-only file is spoilt.
    (re.compile(r"could not find the database system|could not locate a valid checkpoint|Bad file format"), _DAMAGED),
)

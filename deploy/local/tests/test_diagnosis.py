"""What to do about a failure."""

import errno
import re
import sys

import pytest

from deploy.local.diagnosis import advice, advice_on, explained, package_is_missing


@pytest.mark.parametrize(
    ("line", "say"),
    [
        (
            "ModuleNotFoundError: No module named 'litestar.params'",
            "lacks litestar: delete .* and run `make run` again",
        ),
        ('FATAL:  could not write lock file "postmaster.pid": No space left on device', "The disk is full: free some"),
        ("Can't open or create append-only dir appendonlydir: Read-only file system", "mounted read-only"),
        ("postgres: could not find the database system", "data are damaged: restore them from a backup, or choose"),
        ("PANIC:  could not locate a valid checkpoint record at 0/0", "data are damaged"),
        ("# Bad file format reading the append only file appendonly.aof.1.incr.aof: make a backup", "data are damaged"),
    ],
)
def test_lines_that_are_known(line: str, say: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the line stands among the last ones."""
    monkeypatch.setattr(sys, "prefix", "/home/you/aurelius/.venv")
    text = explained("it died", ["before", line, "after"])
    assert text.splitlines()[1:] == ["  before", f"  {line}", "  after"]
    assert re.search(say, text.splitlines()[0])


def test_unknown_lines_are_shown_and_nothing_is_guessed() -> None:
    """The program's own words are all there is."""
    assert advice(["segmentation fault"]) is None
    assert explained("it died", ["segmentation fault"]) == "it died. Its last lines:\n  segmentation fault"


def test_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an environment: make it anew. Outside of one: use one. A part of the checkout is no package."""
    monkeypatch.setattr(sys, "prefix", "/home/you/aurelius/.venv")
    assert package_is_missing("numba.core").startswith("The environment lacks numba: delete /home/you/aurelius/.venv")
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert "lacks numba: start with `make run`" in package_is_missing("numba")
    assert package_is_missing("services.strategy.app").startswith("This checkout lacks services.strategy.app")


@pytest.mark.parametrize(
    ("number", "say"),
    [
        (errno.ENOSPC, "The disk is full"),
        (errno.EDQUOT, "The disk is full"),
        (errno.EROFS, "mounted read-only"),
        (errno.EACCES, "Start as the user it belongs to"),
        (errno.EEXIST, "in the place of a folder"),
        (errno.ENOTDIR, "in the place of a folder"),
    ],
)
def test_errors_of_files(number: int, say: str) -> None:
    """What stops a write, and the way out: another DATA_DIR."""
    text = str(advice_on(OSError(number, "reason", "/data/file")))
    assert say in text
    assert "DATA_DIR=" in text


def test_errors_that_speak_for_themselves() -> None:
    """No process left on the machine has nothing to do with a folder."""
    assert advice_on(BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")) is None

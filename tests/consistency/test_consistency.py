"""The running system never shows what is old; systems that do are found out."""

import os
import time
from pathlib import Path

import pytest

from tests.consistency.checker.history import kind_of
from tests.consistency.compositions import MUTANTS
from tests.consistency.run import run

pytestmark = pytest.mark.e2e

SEED, SHORT = 4, 24.0
SOME_MUTANTS = MUTANTS[-1:]
"""Objects that a write forgets, four ways of it. `make consistency` and the long test find all out."""
LONG = float(os.environ.get("DURATION") or 600)


async def test_nothing_old_is_shown(tmp_path: Path) -> None:
    """With a fault of each family, always the same; and mutants are found out with the same load and checker."""
    report = await run(tmp_path, SEED, SHORT, SOME_MUTANTS)
    assert report.passed, "\n".join([report.line(), *(part.line() for part in report.parts)])
    sources = {read.source for part in report.parts for read in part.evidence.reads}
    assert sources >= {"l1", "l2", "miss", "bypass"}, "a way that answers take has not been looked at"
    strict = next(part.evidence for part in report.parts if part.name == "strict")
    done = {(kind_of(each.key), each.deletes) for each in strict.history.writes if each.revision is not None}
    passing = ("strategy", "backtest", "sweep", "dataset", "session")
    assert done >= {(kind, deletes) for kind in passing for deletes in (True, False)}, "nothing came or went"
    found = {kind_of(key) for read in strict.reads for key in read.found}
    assert found >= {"strategy", "versions", "backtest", "sweep", "dataset", "user"}
    assert any(mark for read in strict.reads if "/trades" in read.path for _, mark in read.found.values())


@pytest.mark.long
async def test_nothing_old_is_shown_in_ten_minutes(tmp_path: Path) -> None:
    """Every fault there is, at other moments each time; the seed is in the verdict."""
    report = await run(tmp_path, int(time.time()), LONG)
    assert report.passed, "\n".join([report.line(), *(part.line() for part in report.parts)])

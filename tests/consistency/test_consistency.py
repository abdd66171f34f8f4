"""The running system never shows what is old; systems that do are found out."""

import os
import time
from pathlib import Path

import pytest

from tests.consistency import mutants
from tests.consistency.breaking import FAMILIES, faults_of
from tests.consistency.run import MUTANTS, run

pytestmark = pytest.mark.e2e

SEED, SHORT = 4, 24.0
LONG = float(os.environ.get("DURATION") or 600)


async def test_nothing_old_is_shown(tmp_path: Path) -> None:
    """With a fault of each family, always the same; and each mutant is found out with the same load and checker."""
    report = await run(tmp_path, SEED, SHORT)
    assert report.passed, "\n".join([report.line(), *(part.line() for part in report.parts)])
    sources = {read.source for part in report.parts for read in part.evidence.reads}
    assert sources >= {"l1", "l2", "miss", "bypass"}, "a way that answers take has not been looked at"


@pytest.mark.long
async def test_nothing_old_is_shown_in_ten_minutes(tmp_path: Path) -> None:
    """Every fault there is, at other moments each time; the seed is in the verdict."""
    report = await run(tmp_path, int(time.time()), LONG)
    assert report.passed, "\n".join([report.line(), *(part.line() for part in report.parts)])


def test_a_short_run_meets_with_the_fault_that_mutants_fail_at() -> None:
    """And with another: what is shown of ours is shown under what finds the others out."""
    actions = {fault.action for fault in faults_of(SEED, SHORT / 2)}
    assert "flush while commits are slow" in actions
    assert len(actions) > 1


def test_every_kind_of_fault_comes_up_in_the_long_run() -> None:
    """Whatever the seed."""
    for seed in range(20):
        met = {fault.action for fault in faults_of(seed, 300.0)}
        assert met == {kind.action for family in FAMILIES for kind in family}


def test_there_is_a_mutant_for_each_part_of_the_protocol_that_others_lack() -> None:
    """Each that there is has a run; among them the usual protocol, and ours without the barrier."""
    names = [each.name for each in MUTANTS]
    assert {"delete-on-write", "floors-only", "no-barrier"} < set(names)
    assert sorted(names) == sorted(mutants.MUTANTS)

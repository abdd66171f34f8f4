"""What a run breaks, and which mutants it finds out, are what it says."""

import subprocess
import sys

from deploy.local.program import ROOT
from tests.consistency import mutants
from tests.consistency.breaking import FAMILIES, INVALIDATOR, LONGEST_AWAY_SECONDS, absence_of, faults_of
from tests.consistency.compositions import MUTANTS, NAMES
from tests.consistency.run import STRICT
from tests.consistency.test_consistency import SEED, SHORT


def test_a_short_run_meets_with_the_fault_that_mutants_fail_at() -> None:
    """And with another: what is shown of ours is shown under what finds the others out."""
    actions = {fault.action for fault in faults_of(SEED, STRICT * SHORT)}
    assert "flush while commits are slow" in actions
    assert len(actions) > 1


def test_every_kind_of_fault_comes_up_in_the_long_run() -> None:
    """Whatever the seed, though some are left out while the invalidator is away."""
    for seed in range(20):
        met = {fault.action for fault in faults_of(seed, STRICT * 600, absence_of(STRICT * 600))}
        assert met == {kind.action for family in FAMILIES for kind in family}


def test_the_invalidator_is_away_for_a_minute_in_ten() -> None:
    """While everything else goes on breaking; nothing is done to it itself then."""
    away = absence_of(STRICT * 600)
    assert away.seconds == LONGEST_AWAY_SECONDS
    assert away.at + away.seconds < STRICT * 600
    for seed in range(20):
        faults = [each for each in faults_of(seed, STRICT * 600, away) if away.at < each.at < away.at + away.seconds]
        assert len(faults) > 10
        assert INVALIDATOR not in {each.target for each in faults}


def test_each_mutant_that_there_is_has_a_run() -> None:
    """Among them the usual protocol, and ours without the barrier."""
    assert {"delete-on-write", "floors-only", "no-barrier"} < set(NAMES)
    assert sorted(NAMES) == sorted(mutants.MUTANTS)


# Each in a process of its own that need not import the services again.
MAKE_EACH = """
import os, sys
from services.backtest import app
from services.strategy import app
from tests.consistency.mutants import MUTANTS
for program in sys.argv[1:]:
    if os.fork() == 0:
        sys.argv[1:] = program.split()
        MUTANTS[sys.argv[1]]()
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"{program} cannot be made")
"""


def test_mutants_can_be_made_of_the_services_as_they_are() -> None:
    """What each changes is there, under its name."""
    programs = [f"{name} {of}" for each in MUTANTS for name, of in each.programs()]
    subprocess.run([sys.executable, "-c", MAKE_EACH, *programs], cwd=ROOT, check=True)

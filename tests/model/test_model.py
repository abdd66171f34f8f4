"""The protocol keeps every promise within the bound, and without any one of its safeguards it does not."""

import pytest

from tests.model.l2 import SharedCache
from tests.model.runs import ALL, LONG, MUTANTS, NAIVE, OURS
from tests.model.search import Outcome

# States and transitions of an independent checker of the same protocol within the same bounds.
INDEPENDENT = {
    "ours": (6_229, 21_864),
    "ours-evict": (28_595, 108_998),
    "ours-crash": (14_662, 53_795),
    "ours-repeat": (12_597, 47_742),
    "ours-timeout": (7_884, 27_761),
    "flushing-wipe": (57_297, 240_851),
    "flushing-rollback": (118_039, 518_761),
}
SHORT = {name: size for name, size in INDEPENDENT.items() if name in OURS}


@pytest.mark.parametrize("name", OURS)
def test_ours_keeps_every_promise_within_the_bound(name: str) -> None:
    """Every state is looked at, and none breaks a promise; where another checker exists, it has seen as many.

    Where a write may be done without an answer, reads may be old until its event: that is the one which is given up.
    """
    outcome = OURS[name]()
    assert outcome.is_exhausted
    assert outcome.broken == set(OURS[name].breaks), outcome.traces
    assert (outcome.states, outcome.transitions) == SHORT.get(name, (outcome.states, outcome.transitions))


@pytest.mark.parametrize("name", MUTANTS)
def test_without_a_safeguard_a_promise_is_broken(name: str) -> None:
    """No safeguard is there for nothing: each has a way of steps that only it prevents."""
    outcome = MUTANTS[name]()
    assert outcome.broken >= set(MUTANTS[name].breaks)


@pytest.mark.parametrize("name", NAIVE)
def test_the_usual_protocols_break_promises(name: str) -> None:
    """The model would find it if ours were no better."""
    outcome = NAIVE[name]()
    assert outcome.broken >= set(NAIVE[name].breaks)


def test_a_mutant_is_broken_because_of_its_safeguard_alone() -> None:
    """Within the bounds of each mutant, ours breaks nothing that the mutant must be found to break."""
    for name, run in MUTANTS.items():
        model = run.model
        if isinstance(model, SharedCache) and model.bounds.policy == "strict":
            twins = [each for each in OURS.values() if _covers(each.model, model)]
            assert twins, f"nothing that is searched for ours has the bounds of {name}"


def _covers(ours: object, mutant: SharedCache) -> bool:
    """Whether all that can happen within the mutant's bounds can happen within those of a run of ours."""
    if not isinstance(ours, SharedCache):
        return False
    mine, its = ours.bounds, mutant.bounds
    enough = all(mine.faults.get(name, 0) >= count for name, count in its.faults.items())
    in_all = min(mine.at_most, sum(mine.faults.values())) >= sum(its.faults.values())
    return enough and in_all and mine.writers >= its.writers and mine.reads == its.reads


@pytest.mark.long
@pytest.mark.parametrize("name", LONG)
def test_ours_keeps_every_promise_within_larger_bounds(name: str) -> None:
    """The same where it takes long."""
    outcome: Outcome = LONG[name]()
    assert outcome.is_exhausted
    assert not outcome.broken
    assert (outcome.states, outcome.transitions) == INDEPENDENT.get(name, (outcome.states, outcome.transitions))


def test_each_run_has_one_name() -> None:
    """None hides another."""
    assert len(ALL) == len(OURS) + len(MUTANTS) + len(NAIVE) + len(LONG)

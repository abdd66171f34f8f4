"""The schedule of a chaos run."""

from itertools import pairwise

import pytest

from tests.faults.schedule import FAMILIES, HEAL_SECONDS, REST_SECONDS, schedule


def test_the_seed_decides_it() -> None:
    """The same seed and duration give the same faults; another seed gives others."""
    assert schedule(7, 600) == schedule(7, 600)
    assert schedule(7, 600) != schedule(8, 600)


def test_a_longer_run_goes_on_where_a_shorter_one_ends() -> None:
    """What failed in a minute fails at the same moments in an hour: a failure can be looked at in a shorter run."""
    short, long = schedule(7, 60), schedule(7, 3600)
    assert short == long[: len(short)]


@pytest.mark.parametrize("seed", range(50))
def test_each_fault_has_its_time_to_heal(seed: int) -> None:
    """None begins before the one before has had its seconds, and the last one heals before the end."""
    faults = schedule(seed, 600)
    for earlier, later in pairwise(faults):
        assert later.at >= earlier.at + earlier.seconds + HEAL_SECONDS + REST_SECONDS - 0.01
    assert faults[-1].at + faults[-1].seconds + HEAL_SECONDS <= 600


@pytest.mark.parametrize("seed", range(50))
def test_everything_fails_in_ten_minutes(seed: int) -> None:
    """Each kind of fault of each family; and in one minute one of each family."""
    assert {(each.action, each.target) for each in schedule(seed, 600)} >= {
        (kind.action, kind.targets[0]) for family in FAMILIES for kind in family if len(kind.targets) == 1
    }
    first = [(each.action, each.target) for each in schedule(seed, 60)][: len(FAMILIES)]
    for family in FAMILIES:
        assert any((kind.action, target) in first for kind in family for target in kind.targets)

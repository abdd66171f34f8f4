"""What is counted, and how it is graded."""

import pytest

from cli.load.tally import OTHER, REASONS
from cli.load.targets import ASKED, Figures, Target, grade, missed, worst
from cli.load.tests.reports import FAST, result, tally_of

TARGET = Target(p95_ms=10)


@pytest.mark.parametrize(
    ("figures", "what"),
    [
        (Figures(p95_ms=10.1, success_rate=1.0), "p95"),
        (Figures(p95_ms=5, success_rate=0.98), "right"),
        (Figures(p95_ms=None, success_rate=0.0), "nothing was answered"),
    ],
)
def test_each_bound_is_looked_at(figures: Figures, what: str) -> None:
    """And said in words when it is not met."""
    assert what in " ".join(missed(figures, TARGET))


def test_what_is_on_the_bound_is_within_it() -> None:
    """At most, and at least."""
    assert missed(Figures(p95_ms=10, success_rate=0.99), TARGET) == []


@pytest.mark.parametrize("name", ASKED)
def test_ours_is_the_tighter_target(name: str) -> None:
    """In each of its bounds, by half and more."""
    asked = ASKED[name]
    assert asked.ours.p95_ms <= asked.required.p95_ms / 2
    assert asked.ours.success_rate > asked.required.success_rate


def test_a_grade_says_which_of_the_two_targets_is_met() -> None:
    """Ours, the required one, or none."""
    asked = ASKED["strategies"]
    found = [grade(Figures(p95_ms=p95, success_rate=1.0), asked) for p95 in (1, 99, 101)]
    assert found == ["EXCELLENT", "GOOD", "NEEDS IMPROVEMENT"]


def test_the_whole_is_as_good_as_its_worst_part() -> None:
    """What was missed counts more than what was not measured."""
    assert worst(["EXCELLENT", "GOOD"]) == "GOOD"
    assert worst(["NOT MEASURED", "GOOD"]) == "NOT MEASURED"
    assert worst(["NEEDS IMPROVEMENT", "NOT MEASURED", "EXCELLENT"]) == "NEEDS IMPROVEMENT"


def test_figures_are_those_of_the_requests() -> None:
    """Counts, rates, and latencies of right answers, in milliseconds."""
    found = result([*FAST[:-1], 0.009], ["status 503"])
    assert (found.total, found.successful, found.failed) == (101, 100, 1)
    assert found.success_rate == pytest.approx(100 / 101)
    assert found.requests_per_second == pytest.approx(50 * 100 / 101, abs=0.01)
    assert found.latency is not None
    assert (found.latency.min_ms, found.latency.max_ms) == (1.0, 9.0)
    assert found.latency.median_ms == pytest.approx(1.0, rel=1e-3)
    assert sum(bar.requests for bar in found.histogram) == 100
    assert all(bar.from_ms < bar.to_ms for bar in found.histogram)
    assert found.histogram[0].from_ms <= 1.0 <= found.histogram[0].to_ms
    assert found.failures == {"status 503": 1}


def test_failures_cost_the_grade() -> None:
    """Two in a hundred are too many, however fast the rest is."""
    assert result(FAST).grade == "EXCELLENT"
    assert result(FAST[:98], ["status 500"] * 2).grade == "NEEDS IMPROVEMENT"


def test_a_slow_load_is_said_instead_of_a_false_figure() -> None:
    """When the load itself was late, or at its end, the platform is not blamed."""
    slow = [0.3] * 100
    assert result(slow).grade == "NEEDS IMPROVEMENT"
    late, busy = result(slow, late=0.2), result(slow, busy=0.97)
    for found in (late, busy):
        assert found.grade == "NOT MEASURED"
        assert "the load itself" in found.generator.bottleneck
    assert result(slow, late=0.0009).generator.bottleneck == ""


def test_wrong_answers_are_no_fault_of_a_slow_load() -> None:
    """Late as it may be, it did not make them."""
    found = result(FAST[:98], ["status 500"] * 2, late=0.2)
    assert found.generator.bottleneck
    assert found.grade == "NEEDS IMPROVEMENT"


def test_a_slow_load_takes_no_grade_away_that_was_reached() -> None:
    """What it is late by is in the latencies already."""
    found = result(FAST, late=0.002)
    assert found.generator.bottleneck
    assert found.grade == "EXCELLENT"


def test_there_are_only_so_many_reasons() -> None:
    """A platform that says something else each time does not fill the report."""
    tally = tally_of([], [f"reason {number}" for number in range(REASONS + 5)])
    assert len(tally.failures) == REASONS + 1
    assert tally.failures[OTHER] == 5

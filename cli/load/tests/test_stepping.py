"""The ramp finds the knee of a platform that is known."""

import pytest

from cli.load.processes import ServerUse
from cli.load.stepping import CLOSER, FIRST, Climb
from cli.load.tests.reports import tally_of

SECONDS = 1.0


def climb(
    holds: float, most: float = 10_000, *, load_holds: float = 1e9, others: float = 0.0
) -> tuple[Climb, list[float]]:
    """Let it climb on a platform that is fast up to `holds` requests a second; the rates that were offered."""
    server = ServerUse(processors=2, cpu_percent=10, others_percent=others, processes=[])
    climbing, rates = Climb(SECONDS, most), []
    while (rate := climbing.next_rate()) is not None:
        rates.append(rate)
        assert len(rates) < 50, "a ramp ends"
        number = round(rate)
        late = 0.3 if rate > load_holds else 0.0
        latencies = [0.002 if rate <= min(holds, load_holds) else 0.4] * number
        step = climbing.judge(rate, tally_of(latencies, late=late), SECONDS, 0.1, server)
        assert step.held == (rate <= min(holds, load_holds))
    return climbing, rates


@pytest.mark.parametrize("holds", [60, 333, 4321])
def test_the_knee_is_the_highest_rate_that_is_held(holds: float) -> None:
    """To seven in a hundred."""
    found, _ = climb(holds)
    assert found.knee <= holds <= found.knee * CLOSER
    assert found.ended_by == "the platform"


def test_a_platform_that_holds_nothing_has_no_knee() -> None:
    """And is not asked for more."""
    found, rates = climb(FIRST / 2)
    assert (found.knee, rates) == (0.0, [FIRST])


def test_the_ramp_ends_at_its_bound() -> None:
    """What is above is not known, and that is said."""
    found, rates = climb(1e9, most=300)
    assert (found.knee, max(rates)) == (300, 300)
    assert "at least" in found.ended_by


def test_the_ramp_ends_where_the_load_is_too_slow() -> None:
    """The knee is not told from that."""
    found, rates = climb(1e9, load_holds=400)
    assert found.load_was_slow
    assert found.knee < 400 < max(rates)
    assert found.ended_by.startswith("the load")


def test_a_machine_that_others_use_is_not_taken_for_the_platform() -> None:
    """What ended the ramp may have been they."""
    assert climb(333, others=50)[0].ended_by.startswith("the machine")

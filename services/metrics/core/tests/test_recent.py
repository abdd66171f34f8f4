"""The figures of the last minute and the last thousand requests."""

import pytest

from services.metrics.core.recent import Recent
from shared.contracts.timings import MAX_RAW


def test_the_rate_is_that_of_the_last_minute() -> None:
    """What is older does not count."""
    recent = Recent()
    recent.add(100, [], 600)
    recent.add(150, [], 120)
    assert recent.rate(159, uptime=1000) == pytest.approx(12)
    assert recent.rate(170, uptime=1000) == pytest.approx(2)
    assert recent.rate(500, uptime=1000) == 0


def test_a_young_platform_is_not_averaged_over_time_before_it() -> None:
    """Ten requests in the first five seconds are two a second."""
    recent = Recent()
    recent.add(100, [], 10)
    assert recent.rate(101, uptime=5) == 2
    assert recent.rate(101, uptime=0) == 10


def test_only_the_last_thousand_durations_are_kept() -> None:
    """The newest stay."""
    recent = Recent()
    recent.add(1, [0.5] * 10, 10)
    recent.add(2, [0.1] * MAX_RAW, MAX_RAW)
    assert recent.durations() == [0.1] * MAX_RAW


def test_old_seconds_are_forgotten() -> None:
    """Memory does not grow with time."""
    recent = Recent()
    for second in range(10_000):
        recent.add(second, [], 1)
    assert len(recent._by_second) == 60

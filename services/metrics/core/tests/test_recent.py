"""The figures of the last minute and the last thousand requests."""

import pytest

from services.metrics.core.names import HTTP_ANSWERS
from services.metrics.core.recent import Recent
from services.metrics.core.totals import Vector
from shared.contracts.timings import MAX_RAW


def answered(number: int) -> Vector:
    """A histogram of so many requests."""
    return [number, *[0] * (HTTP_ANSWERS.size - 1)]


def test_the_rate_is_that_of_the_last_minute() -> None:
    """What is older does not count."""
    recent = Recent()
    recent.add(100, answered(600))
    recent.add(150, answered(120))
    assert recent.rate(159, uptime=1000) == pytest.approx(12)
    assert recent.rate(170, uptime=1000) == pytest.approx(2)
    assert recent.rate(500, uptime=1000) == 0


def test_a_young_platform_is_not_averaged_over_time_before_it() -> None:
    """Ten requests in the first five seconds are two a second."""
    recent = Recent()
    recent.add(100, answered(10))
    assert recent.rate(101, uptime=5) == 2
    assert recent.rate(101, uptime=0) == 10


def test_the_histogram_of_the_last_minute_adds_up_its_seconds() -> None:
    """Two batches of a second, and one of another."""
    recent = Recent()
    for second, number in ((100, 1), (100, 2), (130, 4), (1, 8)):
        recent.add(second, answered(number))
    assert recent.last_minute(140) == answered(7)


def test_only_the_last_thousand_durations_are_kept() -> None:
    """The newest stay."""
    recent = Recent()
    recent.add_durations([0.5] * 10)
    recent.add_durations([0.1] * MAX_RAW)
    assert recent.durations() == [0.1] * MAX_RAW


def test_old_seconds_are_forgotten() -> None:
    """Memory does not grow with time, and a second in which nothing was asked takes none."""
    recent = Recent()
    for second in range(10_000):
        recent.add(second, answered(second % 2))
    assert len(recent.by_second()) == 30

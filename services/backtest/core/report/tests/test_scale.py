"""Scales and the round values on them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.backtest.core.report.scale import Scale, round_ratios, round_times, round_values, value_range

FINITE = st.floats(-1e300, 1e300, allow_subnormal=True)
ABOVE = st.floats(5e-324, 1e300)


@example(0.0, 5e-324)
@given(FINITE, FINITE)
def test_any_values_have_a_range_with_marks_on_it(one: float, other: float) -> None:
    """Equal, tiny or huge: the range holds both, and a few round values, rising, lie on it."""
    low, high = value_range(min(one, other), max(one, other))
    assert low < high
    assert low <= min(one, other) <= max(one, other) <= high
    values, step = round_values(low, high, 5)
    assert 1 <= len(values) <= 6
    assert step > 0
    assert values == sorted(set(values))


@pytest.mark.parametrize(
    ("low", "high", "values"),
    [
        (0.0, 10.0, [0, 2, 4, 6, 8, 10]),
        (9_300.0, 10_600.0, [9_500, 10_000, 10_500]),
        (-0.73, 0.0, [-0.6, -0.4, -0.2, 0]),
    ],
)
def test_marks_are_round(low: float, high: float, values: list[float]) -> None:
    """Multiples of 1, 2 or 5 times a power of ten."""
    assert round_values(low, high, 5)[0] == pytest.approx(values)


@given(ABOVE, ABOVE)
def test_ratios_are_marked_by_powers(one: float, other: float) -> None:
    """However far apart, a bounded number of marks, all within."""
    low, high = min(one, other), max(one, other)
    marks = round_ratios(low, high, 8)
    assert len(marks) <= 10
    assert all(low <= mark <= high for mark in marks)
    assert marks == sorted(marks)


def test_a_logarithmic_scale_has_equal_ratios_equally_far() -> None:
    """And a plain one equal differences."""
    np.testing.assert_allclose(
        Scale(1.0, 100.0, 0.0, 10.0, logarithmic=True).at(np.array([1.0, 10.0, 100.0])), [0, 5, 10]
    )
    np.testing.assert_allclose(Scale(0.0, 4.0, 10.0, 0.0).at(np.array([0.0, 1.0, 4.0])), [10, 7.5, 0])


FIRST = datetime(2020, 2, 3, 9, 31, tzinfo=ZoneInfo("America/New_York"))


@pytest.mark.parametrize(
    ("span", "labels"),
    [
        (timedelta(seconds=40), ["03 Feb 09:31:00", "03 Feb 09:31:15", "03 Feb 09:31:30"]),
        (timedelta(hours=6), ["03 Feb 10:00", "03 Feb 11:00"]),
        (timedelta(days=5), ["04 Feb 2020", "05 Feb 2020"]),
        (timedelta(days=700), ["Jul 2020", "Jan 2021"]),
        (timedelta(days=4000), ["2022", "2024"]),
        (timedelta(days=70_000), ["2050", "2100"]),
    ],
)
def test_times_are_marked_where_a_calendar_is_round(span: timedelta, labels: list[str]) -> None:
    """Seconds to centuries, on the market's own clocks, with the least that tells the marks apart."""
    shown = [label for _, label in round_times(FIRST, FIRST + span, 8)]
    assert shown[: len(labels)] == labels


@given(st.integers(0, 7_000_000_000))
def test_no_run_is_too_short_or_too_long_for_an_axis(seconds: int) -> None:
    """Never more marks than there is room for, all of them within."""
    first = datetime(2000, 2, 29, 12, 34, 56, tzinfo=UTC)
    last = first + timedelta(seconds=seconds)
    marks = round_times(first, last, 8)
    assert len(marks) <= 9
    assert all(first <= moment <= last for moment, _ in marks)

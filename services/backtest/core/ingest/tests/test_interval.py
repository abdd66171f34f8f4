"""Intervals, read from the bars and checked against what is said of them."""

import numpy as np
import pytest

from services.backtest.core.ingest.interval import DAY, SECOND, interval_of, nanoseconds
from shared.contracts.errors import Invalid

HOUR = 3600 * SECOND


@pytest.mark.parametrize(
    ("spacing", "interval"),
    [
        (SECOND, "1s"),
        (60 * SECOND, "1m"),
        (90 * SECOND, "90s"),
        (15 * 60 * SECOND, "15m"),
        (HOUR, "1h"),
        (4 * HOUR, "4h"),
        (DAY, "1d"),
        (7 * DAY, "1w"),
        (31 * DAY, "31d"),
    ],
)
def test_the_most_frequent_spacing_is_the_interval(spacing: int, interval: str) -> None:
    """Written in the largest unit that divides it, whatever gaps there are besides."""
    time = np.cumsum([0, spacing, 3 * spacing, spacing, spacing, 2 * spacing])
    assert interval_of(time, None) == interval
    assert nanoseconds(interval) == spacing


def test_of_spacings_as_frequent_the_shortest_counts() -> None:
    """Two bars on either side of a gap say more than the gap."""
    assert interval_of(np.cumsum([0, DAY, 3 * DAY]), None) == "1d"


def test_a_stated_interval_must_fit() -> None:
    """What is within a factor of two is kept as stated (months are not equally long), the rest refused."""
    months = np.cumsum([0, 31 * DAY, 28 * DAY, 31 * DAY, 30 * DAY])
    assert interval_of(months, "30d") == "30d"
    assert interval_of(months, "4w") == "4w"
    for stated in ("1d", "1h", "9w"):
        with pytest.raises(Invalid, match="which are 31d apart") as caught:
            interval_of(months, stated)
        assert caught.value.errors[0].pointer == "/interval"


@pytest.mark.parametrize("spacing", [SECOND * 3 // 2, 10_007 * SECOND])
def test_a_spacing_without_a_name_must_be_given_one(spacing: int) -> None:
    """Halves of seconds, or a prime number of seconds above 9999, cannot be written."""
    time = np.arange(5) * spacing
    with pytest.raises(Invalid, match="say what the interval is"):
        interval_of(time, None)
    stated = f"{spacing // SECOND // 2 + 1}s"
    assert interval_of(time, stated) == stated


def test_bars_within_a_second_are_refused() -> None:
    """Whatever is said of them."""
    for stated in (None, "1s"):
        with pytest.raises(Invalid, match="finest"):
            interval_of(np.arange(5) * SECOND // 2, stated)


def test_a_text_that_is_no_interval_is_refused() -> None:
    """Whoever asks in another form is told the form."""
    for text in ("", "d", "0d", "1 d", "1y", "10000s", "1D"):
        with pytest.raises(Invalid, match="a number from 1 to 9999"):
            nanoseconds(text)

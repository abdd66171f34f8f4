"""The dates of a run: inclusive, on the clocks of the dataset's zone."""

from datetime import UTC, date, datetime, tzinfo
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.bars import Bars
from services.backtest.core.period import bars_between, check_period, cut
from shared.contracts.errors import Invalid

HOUR = 3600 * 1_000_000_000
NEW_YORK = ZoneInfo("America/New_York")


def hourly(count: int, start: str = "2024-03-01T00:00:00+00:00") -> Bars:
    """Bars an hour apart."""
    first = round(datetime.fromisoformat(start).timestamp()) * 1_000_000_000
    ones = np.ones(count)
    return Bars(first + HOUR * np.arange(count), ones, ones, ones, ones, ones)


@pytest.mark.parametrize(
    ("start", "end", "bars"),
    [(None, None, 1000), (date(2024, 1, 6), None, 500), (None, date(2024, 1, 1), 100), (date(2020, 1, 1), None, 1000),
     (date(2024, 1, 10), date(2030, 1, 1), 100), (date(2024, 1, 3), date(2024, 1, 3), 100)],
)  # fmt: skip
def test_how_many_bars_it_has_is_estimated_by_its_days(start: date | None, end: date | None, bars: int) -> None:
    """As many of the rows of a dataset as the period has of its days."""
    assert bars_between(1000, start, end, date(2024, 1, 1), date(2024, 1, 10)) == bars


def test_both_ends_are_part_of_it() -> None:
    """A whole day is all of its hours, and open ends reach as far as the bars."""
    bars = hourly(96)
    day = cut(bars, date(2024, 3, 2), date(2024, 3, 2), UTC)
    assert (day.time[0], day.time[-1], len(day)) == (bars.time[24], bars.time[47], 24)
    assert len(cut(bars, None, date(2024, 3, 2), UTC)) == 48
    assert len(cut(bars, date(2024, 3, 2), None, UTC)) == 72
    assert len(cut(bars, None, None, UTC)) == 96


@pytest.mark.parametrize("zone", [UTC, NEW_YORK, ZoneInfo("Asia/Tokyo")])
@given(start=st.integers(0, 6), length=st.integers(0, 6))
def test_a_bar_belongs_to_its_local_day(zone: tzinfo, start: int, length: int) -> None:
    """The bars kept are those whose date on the zone's clocks lies in the period, over a change of the clocks too."""
    bars = hourly(240, "2024-03-06T00:00:00+00:00")
    begin, end = date(2024, 3, 7 + start), date(2024, 3, 7 + start + length)
    local = [datetime.fromtimestamp(second, zone).date() for second in (bars.time // 1_000_000_000).tolist()]
    expected = bars.time[[begin <= day <= end for day in local]]
    if len(expected) < 2:
        with pytest.raises(Invalid):
            cut(bars, begin, end, zone)
    else:
        assert np.array_equal(cut(bars, begin, end, zone).time, expected)


def test_dates_beyond_any_dataset_cut_nothing() -> None:
    """The first and the last date there are do not overflow."""
    assert len(cut(hourly(5), date.min, date.max, NEW_YORK)) == 5


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (date(2024, 3, 4), date(2024, 3, 4), "1 bar lies"),
        (date(2025, 1, 1), None, "0 bars lie"),
        (None, date(2023, 1, 1), "0 bars lie"),
    ],
)
def test_a_run_needs_two_bars(start: date | None, end: date | None, words: str) -> None:
    """Fewer have no return, and the sentence says how many there are."""
    with pytest.raises(Invalid, match=words):
        cut(hourly(73), start, end, UTC)


@pytest.mark.parametrize(
    ("start", "end", "pointer"),
    [
        (date(2024, 2, 2), date(2024, 2, 1), "/start"),
        (date(2024, 2, 1), None, "/start"),
        (None, date(2023, 12, 31), "/end"),
    ],
)
def test_a_period_that_misses_the_dataset_is_refused_by_name(
    start: date | None, end: date | None, pointer: str
) -> None:
    """Before any work is done."""
    with pytest.raises(Invalid) as caught:
        check_period(start, end, date(2024, 1, 1), date(2024, 1, 31))
    assert caught.value.errors[0].pointer == pointer


def test_a_period_that_meets_the_dataset_is_fine() -> None:
    """At either end, or open."""
    first, last = date(2024, 1, 1), date(2024, 1, 31)
    for start, end in ((None, None), (last, last), (first, first), (date.min, date.max)):
        check_period(start, end, first, last)

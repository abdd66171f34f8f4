"""What is counted in a dataset: gaps, jumps like splits, bars without volume."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from services.backtest.core.bars import Bars
from services.backtest.core.ingest.interval import DAY, SECOND
from services.backtest.core.ingest.quality import quality_of

UTC = ZoneInfo("UTC")
TOKYO = ZoneInfo("Asia/Tokyo")


def bars_at(time: list[int], close: list[float] | None = None, volume: float = 1.0) -> Bars:
    """Bars at these times whose open is their close."""
    prices = np.array(close or [1.0] * len(time))
    return Bars(np.array(time), prices, prices, prices, prices, np.full(len(time), volume))


def days(*dates: str, zone: ZoneInfo = UTC) -> list[int]:
    """Midnights of `zone` in nanoseconds."""
    return [round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()) * SECOND for text in dates]


@pytest.mark.parametrize("zone", [UTC, TOKYO, ZoneInfo("America/New_York")])
def test_a_weekend_is_no_gap_and_a_holiday_is_one(zone: ZoneInfo) -> None:
    """Daily bars from Friday to Monday miss nothing, on the clocks of the exchange; a missing Wednesday is counted."""
    week = days("2024-01-05", "2024-01-08", "2024-01-09", "2024-01-11", zone=zone)
    quality = quality_of(bars_at(week), "1d", zone)
    assert (quality.gaps, quality.weekends) == (1, 1)


def test_with_bars_on_weekends_a_weekend_is_a_gap() -> None:
    """A market that never closes has a bar every day."""
    assert quality_of(bars_at(days("2024-01-05", "2024-01-06", "2024-01-08")), "1d", UTC).gaps == 1


def test_the_clocks_may_change() -> None:
    """A day of 23 or 25 hours is a day."""
    zone = ZoneInfo("Europe/Berlin")
    first = date(2024, 3, 25)
    spring = days(*(str(first + timedelta(days=n)) for n in range(14)), zone=zone)
    assert quality_of(bars_at(spring), "1d", zone).gaps == 0


def test_below_a_day_a_hole_is_a_gap() -> None:
    """Within a day, each place where bars are missing, however many."""
    hours = [0, 1, 2, 20, 21, 23]
    assert quality_of(bars_at([hour * 3600 * SECOND for hour in hours]), "1h", UTC).gaps == 2


def sessions(first: date, count: int, hours: list[int], closed: tuple[date, ...] = ()) -> list[int]:
    """Hourly bars of a Tokyo exchange on the weekdays of `count` days."""
    dates = [first + timedelta(days=number) for number in range(count)]
    opened = [each for each in dates if each.weekday() < 5 and each not in closed]
    return [
        round(datetime(each.year, each.month, each.day, hour, tzinfo=TOKYO).timestamp()) * SECOND
        for each in opened
        for hour in hours
    ]


@pytest.mark.parametrize("zone", [UTC, TOKYO])
def test_nights_lunches_weekends_and_holidays_are_told_apart(zone: ZoneInfo) -> None:
    """Two weeks with lunches: nights and lunches are sessions', a weekend is one, a holiday and a hole are gaps."""
    time = sessions(date(2024, 1, 8), 14, [9, 10, 11, 13, 14], closed=(date(2024, 1, 17),))
    del time[7]
    quality = quality_of(bars_at(time), "1h", zone)
    # 9 days: 7 nights besides the weekend and the holiday, and 8 lunches besides the one with the hole.
    assert (quality.gaps, quality.weekends, quality.session_gaps) == (2, 1, 7 + 8 - 1)


def test_a_market_that_opens_on_sunday_has_a_weekend() -> None:
    """Currencies: from Friday evening to Sunday evening."""
    friday, sunday = days("2024-01-05", "2024-01-07")
    hour = 3600 * SECOND
    time = [friday + n * hour for n in range(22)] + [sunday + n * hour for n in range(22, 60)]
    quality = quality_of(bars_at(time), "1h", UTC)
    assert (quality.gaps, quality.weekends, quality.session_gaps) == (0, 1, 0)


def test_weeks_and_months_may_differ_a_little() -> None:
    """A week that begins on Tuesday is not a missing week."""
    assert quality_of(bars_at(days("2024-01-01", "2024-01-09", "2024-01-15", "2024-01-29")), "1w", UTC).gaps == 1


def test_jumps_beyond_forty_percent_are_counted_both_ways() -> None:
    """A split halves the price, a reverse split doubles it; 40 % itself is none."""
    close = [100.0, 50.0, 100.0, 140.0, 84.0, 83.0]
    time = [n * DAY for n in range(len(close))]
    assert quality_of(bars_at(time, close), "1d", UTC).split_like_jumps == 2


def test_bars_without_volume_are_counted() -> None:
    """All of them, when a feed has none."""
    assert quality_of(bars_at([0, DAY], volume=0.0), "1d", UTC).zero_volume_bars == 2

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
    assert quality_of(bars_at(week), "1d", zone).gaps == 1


def test_with_bars_on_weekends_a_weekend_is_a_gap() -> None:
    """A market that never closes has a bar every day."""
    assert quality_of(bars_at(days("2024-01-05", "2024-01-06", "2024-01-08")), "1d", UTC).gaps == 1


def test_the_clocks_may_change() -> None:
    """A day of 23 or 25 hours is a day."""
    zone = ZoneInfo("Europe/Berlin")
    first = date(2024, 3, 25)
    spring = days(*(str(first + timedelta(days=n)) for n in range(14)), zone=zone)
    assert quality_of(bars_at(spring), "1d", zone).gaps == 0


def test_below_a_day_every_break_is_counted() -> None:
    """The close of a session is a gap like any other: it is legitimate, and it is told."""
    hours = [0, 1, 2, 20, 21, 23]
    assert quality_of(bars_at([hour * 3600 * SECOND for hour in hours]), "1h", UTC).gaps == 2


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

"""How many bars make a year."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from services.backtest.core.engine.dtypes import Ints
from services.backtest.core.metrics.annualisation import bars_per_year

HOUR = 3600 * 10**9
MONDAY = 4 * 24 * HOUR  # 1970-01-05


def _days(count: int, closed: tuple[int, ...] = (), start: int = MONDAY) -> Ints:
    return np.array([start + day * 24 * HOUR for day in range(count) if day % 7 not in closed], np.int64)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (_days(1), None),
        (_days(400, closed=(5, 6)), 252.0),
        (_days(400, closed=(5, 6), start=MONDAY + 5 * HOUR), 252.0),
        (_days(400), 365.0),
        # Sunday to Friday, as some currency feeds have it, is neither.
        (_days(365, closed=(5,)), 312 * 365.25 / 364),
        (_days(400, closed=(4, 5)), 252.0),
        # Two hours to midnight are not two days, whatever the dates say.
        (MONDAY + np.arange(23, 25, dtype=np.int64) * HOUR, 24 * 365.25),
        (MONDAY + np.arange(24 * 10 + 1, dtype=np.int64) * HOUR, 24 * 365.25),
        (MONDAY + np.arange(11, dtype=np.int64) * 7 * 24 * HOUR, 365.25 / 7),
    ],
)
def test_the_factor_follows_from_the_times(time: Ints, expected: float | None) -> None:
    """252 with two days off a week, 365 without, what is observed for everything else, nothing for one bar."""
    assert bars_per_year(time) == (None if expected is None else pytest.approx(expected))


def _midnights(zone: str, days: Ints) -> Ints:
    """The first moments, in a zone, of days given by their UTC midnights."""
    first = datetime(1970, 1, 1, tzinfo=ZoneInfo(zone))
    moments = [(first + timedelta(days=int(day) // (24 * HOUR))).timestamp() for day in days]
    return (np.array(moments) * 1e9).astype(np.int64)


@pytest.mark.parametrize(
    "zone", ["Europe/London", "Europe/Berlin", "Asia/Tokyo", "America/New_York", "Pacific/Auckland"]
)
def test_daily_bars_are_daily_in_every_zone(zone: str) -> None:
    """Where a day begins on the date before in UTC, or on both sides of its midnight as the clocks change."""
    start = MONDAY + 50 * 364 * 24 * HOUR
    assert bars_per_year(_midnights(zone, _days(800, closed=(5, 6), start=start))) == 252.0
    assert bars_per_year(_midnights(zone, _days(800, start=start))) == 365.0
    # Sunday to Thursday, whose midnights may be Saturday to Wednesday in UTC.
    assert bars_per_year(_midnights(zone, _days(800, closed=(4, 5), start=start))) == 252.0


def test_holidays_and_a_stray_saturday_do_not_change_it() -> None:
    """Missing days, and one session at a weekend in a hundred and more, leave a market that rests at weekends."""
    time = np.delete(_days(400, closed=(5, 6)), [3, 50, 51, 120])
    assert bars_per_year(np.sort(np.append(time, MONDAY + 5 * 24 * HOUR))) == 252.0

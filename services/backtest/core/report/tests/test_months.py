"""Monthly returns."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.report.months import months_table, years


def _curve(*closes: tuple[str, float]) -> tuple[Ints, Floats]:
    time = [round(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) * 10**9 for at, _ in closes]
    return np.array(time, np.int64), np.array([equity for _, equity in closes])


def test_a_month_is_from_the_last_close_before_it() -> None:
    """The first from the initial cash, a month without bars empty, and the months compound to the year."""
    time, equity = _curve(
        ("2020-11-30", 110.0), ("2020-12-15", 90.0), ("2020-12-31", 121.0), ("2021-03-05", 60.5), ("2021-03-31", 121.0)
    )
    first, second = years(time, equity, 100.0, UTC)
    assert (first.year, second.year) == (2020, 2021)
    assert first.months[10:] == pytest.approx((0.10, 0.10))
    assert first.months[:10] == (None,) * 10
    assert first.total == pytest.approx(0.21)
    assert second.months[2] == pytest.approx(0.0)
    assert second.total == pytest.approx(0.0)
    assert [month for month in second.months if month is not None] == [second.months[2]]


def test_months_are_those_of_the_market() -> None:
    """The first hours of a month in Tokyo are the last of the month before in London."""
    time, equity = _curve(("2020-01-31T16:00", 110.0))
    assert years(time, equity, 100.0, ZoneInfo("Asia/Tokyo"))[0].months[1] == pytest.approx(0.1)
    assert years(time, equity, 100.0, UTC)[0].months[0] == pytest.approx(0.1)


def test_after_ruin_there_is_nothing_to_have_a_return_on() -> None:
    """The month of the ruin is -100 %, those after it have none."""
    time, equity = _curve(("2020-01-10", 50.0), ("2020-02-10", 0.0), ("2020-03-10", 0.0))
    assert years(time, equity, 100.0, UTC)[0].months[:3] == (-0.5, -1.0, None)
    assert years(time, equity, 100.0, UTC)[0].total == -1.0


def test_the_latest_years_are_shown() -> None:
    """Centuries of bars make no table without end, and the table says what it leaves out."""
    time, equity = _curve(*((f"{year}-06-01", 100.0 + year) for year in range(1700, 2262)))
    shown = years(time, equity, 100.0, UTC)
    assert (len(shown), shown[0].year, shown[-1].year) == (60, 2202, 2261)
    assert shown[0].total == pytest.approx(1 / 2301)
    assert "The latest 60 of 562 years." in months_table(time, equity, 100.0, UTC)

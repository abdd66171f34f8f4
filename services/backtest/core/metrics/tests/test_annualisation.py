"""How many bars make a year."""

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
        (MONDAY + np.arange(24 * 10 + 1, dtype=np.int64) * HOUR, 24 * 365.25),
        (MONDAY + np.arange(11, dtype=np.int64) * 7 * 24 * HOUR, 365.25 / 7),
    ],
)
def test_the_factor_follows_from_the_times(time: Ints, expected: float | None) -> None:
    """252 with weekends off, 365 without, what is observed for everything else, nothing for one bar."""
    assert bars_per_year(time) == (None if expected is None else pytest.approx(expected))


def test_holidays_and_a_stray_saturday_do_not_change_it() -> None:
    """Missing days, and one session at a weekend in a hundred and more, leave a market that rests at weekends."""
    time = np.delete(_days(400, closed=(5, 6)), [3, 50, 51, 120])
    assert bars_per_year(np.sort(np.append(time, MONDAY + 5 * 24 * HOUR))) == 252.0

"""Annualisation: how many bars make a year."""

import numpy as np

from services.backtest.core.engine.dtypes import Ints

DAY = 86_400 * 10**9
DAYS_PER_YEAR = 365.25

SATURDAY, SUNDAY = 5, 6
STRAY = 0.01
"""The share of daily bars that may fall on a weekend without the market being open then."""
REGULAR = 0.1
"""The share of daily bars from which on a weekend day is a regular one; one in seven is expected."""


def days_between(time: Ints) -> float:
    """The days from the first bar to the last, fractions included."""
    return float(time[-1] - time[0]) / DAY


def bars_per_year(time: Ints) -> float | None:
    """252 for daily bars of a market that rests at weekends, 365 for one that never does, else what is observed.

    Bars are daily when no two share a UTC date and most follow the day before. What is observed is the number of gaps
    over the years they span. None for a single bar.
    """
    if len(time) < 2:
        return None
    dates = time // DAY
    gaps = np.diff(dates)
    if gaps.min() > 0 and np.count_nonzero(gaps == 1) / len(gaps) > 0.5:
        weekday = (dates + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0
        saturdays, sundays = (np.count_nonzero(weekday == day) / len(time) for day in (SATURDAY, SUNDAY))
        if saturdays + sundays <= STRAY:
            return 252.0
        if min(saturdays, sundays) >= REGULAR:
            return 365.0
    return (len(time) - 1) * DAYS_PER_YEAR / days_between(time)

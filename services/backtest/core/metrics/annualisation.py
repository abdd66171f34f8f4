"""Annualisation: how many bars make a year."""

import numpy as np

from services.backtest.core.engine.dtypes import Ints

DAY = 86_400 * 10**9
DAYS_PER_YEAR = 365.25

SATURDAY, SUNDAY = 5, 6
STRAY = 0.01
"""The share of daily bars that may fall on days of rest without the market being open then."""
REGULAR = 0.1
"""The share of daily bars from which on a weekend day is a regular one; one in seven is expected."""
TWO_WEEKS = 10
"""The daily bars that show on which two days in a row a market rests; of fewer, Saturday and Sunday are looked at."""


def days_between(time: Ints) -> float:
    """The days from the first bar to the last, fractions included."""
    return float(time[-1] - time[0]) / DAY


def bars_per_year(time: Ints) -> float | None:
    """252 for daily bars of a market that rests two days a week, 365 for one that never does, else what is observed.

    Bars are daily when most follow the one before by about a day and no two share a date. What is observed is the
    number of gaps over the years they span. None for a single bar.
    """
    if len(time) < 2:
        return None
    if np.count_nonzero(np.abs(np.diff(time) - DAY) < DAY // 2) * 2 > len(time) - 1:
        dates = _dates(time)
        if np.diff(dates).min() > 0:
            # 1970-01-01 was a Thursday; Monday is 0.
            week = np.bincount((dates + 3) % 7, minlength=7) / len(time)
            resting = (week + np.roll(week, 1)).min() if len(time) >= TWO_WEEKS else week[SATURDAY] + week[SUNDAY]
            if resting <= STRAY:
                return 252.0
            if min(week[SATURDAY], week[SUNDAY]) >= REGULAR:
                return 365.0
    return (len(time) - 1) * DAYS_PER_YEAR / days_between(time)


def _dates(time: Ints) -> Ints:
    """The days since 1970 that daily bars are of: those of UTC, unless the bars lie on both sides of its midnight.

    Then a day begins half a day before the usual clock of a bar, so that all midnights of London, 0:00 in winter and
    23:00 in summer, are of one day of the week each; it may be the one before.
    """
    dates = time // DAY
    clocks = time - dates * DAY
    if clocks.max() - clocks.min() < DAY // 2:
        return dates
    usual = int(np.sort(clocks)[len(clocks) // 2])
    return (time - usual + DAY // 2) // DAY

"""From the parts of a written time to the moment: which days exist, what a Unix time counts."""

from dataclasses import dataclass

import numpy as np

from services.backtest.core.engine.dtypes import Flags, Ints
from services.backtest.core.ingest.interval import DAY, SECOND
from services.backtest.core.ingest.table import NO_TIME

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

# 1700-01-01 and the end of 2199, in nanoseconds: 64 bits of them reach a little further on both sides.
EARLIEST = -8_520_336_000 * SECOND
LATEST = 7_258_118_400 * SECOND

# What a Unix time counts is told by its size: no seconds up to 2199 have 12 digits, no milliseconds 15, and so on.
_UNITS = ((10**11, SECOND), (10**14, 10**6), (10**17, 10**3))


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """The parts of written times, shape (rows,) each: hours of 24, `fraction` and `offset` (east of UTC) in ns."""

    year: Ints
    month: Ints
    day: Ints
    hour: Ints
    minute: Ints
    second: Ints
    fraction: Ints
    offset: Ints


def moments_of(parts: Parts) -> Ints:
    """Return nanoseconds since 1970, NO_TIME where the day or the time of day does not exist or is out of reach."""
    year, month, day = parts.year, parts.month, parts.day
    sound = (year >= 1700) & (year <= 2199) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    sound &= (parts.hour <= 23) & (parts.minute <= 59) & (parts.second <= 59)
    months = np.where(sound, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]").view(np.int64)
    days = np.where(sound, first + day - 1, 0)
    # The 31st of April is the 1st of May.
    sound &= days.astype("datetime64[D]").astype("datetime64[M]").view(np.int64) == months
    clock = parts.hour * HOUR + parts.minute * MINUTE + parts.second * SECOND + parts.fraction
    return np.where(sound, days * DAY + np.where(sound, clock - parts.offset, 0), NO_TIME)


def within_reach(values: Ints) -> Ints:
    """Return the moments with NO_TIME for those before 1700 or after 2199."""
    return np.where(out_of_reach(values), NO_TIME, values)


def out_of_reach(values: Ints) -> Flags:
    """Say which moments lie before 1700 or after 2199; NO_TIME does."""
    return (values < EARLIEST) | (values >= LATEST)


def unix_unit(first: int) -> int:
    """Return how many nanoseconds a Unix time such as `first` counts in: seconds, milliseconds, and so on."""
    return next((unit for below, unit in _UNITS if abs(first) < below), 1)


def unix_moments(values: Ints, unit: int) -> Ints:
    """Return Unix times that count in `unit` nanoseconds as nanoseconds, NO_TIME where they are out of reach."""
    reached = (values >= EARLIEST // unit) & (values < LATEST // unit)
    return np.where(reached, np.where(reached, values, 0) * unit, NO_TIME)

"""The spacing of bars: read from the data, or checked against what the uploader says."""

import re

import numpy as np

from services.backtest.core.engine.dtypes import Ints
from shared.contracts.errors import InputError, Invalid

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
_UNITS = {"w": 7 * DAY, "d": DAY, "h": 3600 * SECOND, "m": 60 * SECOND, "s": SECOND}
_INTERVAL = re.compile(r"([1-9][0-9]{0,3})([wdhms])")


def interval_of(time: Ints, stated: str | None) -> str:
    """Return the interval of bars at `time` (nanoseconds, rising), such as 1d, 4h or 15m: the most frequent spacing.

    A `stated` interval is kept when it is within a factor of two of that, for bars such as months have no one spacing.
    Raises Invalid when it is not, when the spacing has no such name and none is stated, or is less than a second.
    """
    spacing = usual_spacing(time)
    if spacing < SECOND:
        raise _invalid("most bars are less than a second apart, and 1s is the finest there is; make longer bars")
    found = _written(spacing)
    if stated is None:
        if found is None:
            raise _invalid(
                f"most bars are {_seconds(spacing)} apart, which has no short name; say what the interval is"
            )
        return found
    if not spacing <= 2 * nanoseconds(stated) <= 4 * spacing:
        raise _invalid(f"{stated} does not fit bars most of which are {found or _seconds(spacing)} apart")
    return stated


def usual_spacing(time: Ints) -> int:
    """Return the most frequent distance of two bars in nanoseconds, the shortest of several as frequent."""
    distances = np.diff(time)
    distances.sort()
    ends = np.append(np.flatnonzero(np.diff(distances)), len(distances) - 1)
    counts = np.diff(ends, prepend=-1)
    return int(distances[ends[np.argmax(counts)]])


def nanoseconds(interval: str) -> int:
    """Return the length of an interval such as 15m. Raises Invalid for a text that is none."""
    match = _INTERVAL.fullmatch(interval)
    if match is None:
        raise _invalid("write a number from 1 to 9999 and a unit: s, m, h, d or w")
    return int(match[1]) * _UNITS[match[2]]


def _written(spacing: int) -> str | None:
    for unit, length in _UNITS.items():
        number, rest = divmod(spacing, length)
        if rest == 0 and 1 <= number <= 9999:
            return f"{number}{unit}"
    return None


def _seconds(spacing: int) -> str:
    return f"{spacing / SECOND:g} seconds"


def _invalid(message: str) -> Invalid:
    return Invalid(f"The interval: {message}", errors=(InputError("/interval", message),))

"""Places where bars are missing, and why: a weekend, the hours between two sessions, or for no reason that shows."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

import numpy as np
from numpy.typing import NDArray

from services.backtest.core.engine.dtypes import Flags, Ints
from services.backtest.core.ingest.interval import DAY, SECOND

_SATURDAY, _SUNDAY = 5, 6
# 1970-01-01 was a Thursday.
_FIRST_WEEKDAY = 3
_EVERY_DAY = np.ones(7, np.bool_)


@dataclass(frozen=True, slots=True)
class Breaks:
    """How many places there are where at least one bar is missing, each counted once."""

    gaps: int
    weekends: int
    session_gaps: int


def breaks_of(time: Ints, interval: int, zone: tzinfo) -> Breaks:
    """Count the breaks of bars at `time` that are `interval` nanoseconds long, on the clocks of `zone`.

    A break is where the next bar is more than one and a half intervals away; with daily bars, where a day is missing.
    It is a weekend's when no other day is missing. Below a day it is one between sessions when it reaches from one day
    into the next, or begins and ends at times of day at which at least every second day has one, as lunch does. All
    others are gaps: holidays, and holes. Saturday and Sunday are no weekend in a market that has bars on Saturdays,
    nor is a Sunday that has bars. Bars longer than a day have no weekends and sessions.
    """
    if interval > DAY:
        return Breaks(len(_far_apart(time, interval)), 0, 0)
    local = local_clock(time, zone)
    trading = _trading_days(local)
    # With daily bars two days are a break whenever a day is missing; a day may have 23 hours, or 25.
    where = np.arange(len(time) - 1) if interval == DAY else _far_apart(time, interval)
    before, after = local[where], local[where + 1]
    all_days, due = _days_between(before, after, _EVERY_DAY), _days_between(before, after, trading)
    broken = (all_days > 0) | (interval < DAY)
    weekend = broken & (all_days > 0) & (due == 0)
    over_night = before // DAY != after // DAY
    usual = _at_usual_times(before, after, 1 + int(np.count_nonzero(np.diff(local // DAY))))
    session = broken & (all_days == 0) & (over_night | usual)
    return Breaks(*(int(np.count_nonzero(flags)) for flags in (broken & ~weekend & ~session, weekend, session)))


def local_clock(time: Ints, zone: tzinfo) -> Ints:
    """Return what the clocks of `zone` show at `time`, as nanoseconds since their own 1970-01-01."""
    day = time // DAY
    starts = np.concatenate([[0], np.flatnonzero(np.diff(day)) + 1])
    counts = np.diff(np.append(starts, len(day)))
    local: Ints = time.copy()
    for number, start, count in zip(day[starts].tolist(), starts.tolist(), counts.tolist(), strict=True):
        part = local[start : start + count]
        offset = _offset(number * DAY, zone)
        if offset == _offset((number + 1) * DAY, zone):
            part += offset
        else:  # the clocks change on that day
            part += np.array([_offset(moment, zone) for moment in part.tolist()], np.int64)
    return local


def _offset(moment: int, zone: tzinfo) -> int:
    shown = datetime.fromtimestamp(moment // SECOND, UTC).astimezone(zone).utcoffset()
    return 0 if shown is None else round(shown.total_seconds()) * SECOND


def _far_apart(time: Ints, interval: int) -> Ints:
    """The numbers of the bars after which at least one is missing."""
    return np.flatnonzero(np.diff(time) > interval + interval // 2)


def _trading_days(local: Ints) -> Flags:
    """Whether each day of the week, Monday first, is one on which there should be bars."""
    seen = np.bincount((local // DAY + _FIRST_WEEKDAY) % 7, minlength=7) > 0
    trading = _EVERY_DAY.copy()
    trading[_SATURDAY] = seen[_SATURDAY]
    trading[_SUNDAY] = seen[_SATURDAY] or seen[_SUNDAY]
    return trading


def _days_between(before: Ints, after: Ints, counted: Flags) -> Ints:
    """How many days of the week that are `counted` lie wholly between two moments on the clock."""
    first, last = before // DAY + 1, after // DAY
    begin: NDArray[np.datetime64] = first.astype("datetime64[D]")
    end: NDArray[np.datetime64] = np.maximum(last, first).astype("datetime64[D]")
    return np.busday_count(begin, end, weekmask=counted.tolist())


def _at_usual_times(before: Ints, after: Ints, days: int) -> Flags:
    """Which breaks begin and end at times of day at which there is one on at least half of `days`, two at least."""
    clocks = (before % DAY // SECOND) * (DAY // SECOND) + after % DAY // SECOND
    _, place, often = np.unique(clocks, return_inverse=True, return_counts=True)
    usual: Flags = (often * 2 >= max(days, 4))[place]
    return usual

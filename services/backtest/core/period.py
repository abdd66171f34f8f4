"""The dates a run is limited to: both inclusive, on the clocks of the dataset's time zone."""

from datetime import date, datetime, timedelta, tzinfo
from datetime import time as clock_time

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Ints
from shared.contracts.errors import InputError, Invalid

MIN_BARS = 2

# No dataset reaches beyond; 64 bits of nanoseconds hardly do.
_FIRST, _LAST = date(1700, 1, 1), date(2199, 12, 31)


def check_period(start: date | None, end: date | None, first: date, last: date) -> None:
    """Raise Invalid unless the period begins before it ends and meets a dataset that reaches from `first` to `last`."""
    if start is not None and end is not None and start > end:
        raise _invalid("/start", f"{start} is after the end, {end}; swap them")
    if start is not None and start > last:
        raise _invalid("/start", f"{start} is after the last bar, which is of {last}; start earlier")
    if end is not None and end < first:
        raise _invalid("/end", f"{end} is before the first bar, which is of {first}; end later")


def bars_between(rows: int, start: date | None, end: date | None, first: date, last: date) -> int:
    """About how many of a dataset's `rows` the period has, which meets the days from `first` to `last`."""
    days = (min(end or last, last) - max(start or first, first)).days + 1
    return -(-rows * days // ((last - first).days + 1))


def cut(bars: Bars, start: date | None, end: date | None, zone: tzinfo) -> Bars:
    """Return the bars from the day `start` to the day `end`, as views. Raises Invalid when they are under MIN_BARS."""
    part = span(bars.time, start, end, zone)
    if (count := part.stop - part.start) < MIN_BARS:
        held = "1 bar lies" if count == 1 else f"{count} bars lie"
        raise _invalid("/start", f"{held} between the start and the end; a backtest needs at least {MIN_BARS}")
    return Bars(bars.time[part], bars.open[part], bars.high[part], bars.low[part], bars.close[part], bars.volume[part])


def span(time: Ints, start: date | None, end: date | None, zone: tzinfo) -> slice:
    """Return which of the rising moments `time` lie from the day `start` to the day `end`; there may be none."""
    begin = 0 if start is None else int(np.searchsorted(time, _midnight(start, zone)))
    stop = len(time)
    if end is not None and end <= _LAST:
        stop = int(np.searchsorted(time, _midnight(end + timedelta(days=1), zone)))
    return slice(begin, max(begin, stop))


def _midnight(day: date, zone: tzinfo) -> int:
    """The first moment of a day in nanoseconds since 1970 UTC, exact: a float of seconds would round."""
    moment = datetime.combine(min(max(day, _FIRST), _LAST + timedelta(days=1)), clock_time(), zone)
    return round(moment.timestamp()) * 1_000_000_000


def _invalid(pointer: str, message: str) -> Invalid:
    return Invalid(f"The period: {message}", errors=(InputError(pointer, message),))

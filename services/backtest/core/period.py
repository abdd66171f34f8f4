"""The dates a run is limited to: both inclusive, on the clocks of the dataset's time zone."""

from datetime import date, datetime, timedelta, tzinfo
from datetime import time as clock_time

import numpy as np

from services.backtest.core.bars import Bars
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


def cut(bars: Bars, start: date | None, end: date | None, zone: tzinfo) -> Bars:
    """Return the bars from the day `start` to the day `end`, as views. Raises Invalid when they are under MIN_BARS."""
    begin = 0 if start is None else int(np.searchsorted(bars.time, _midnight(max(start, _FIRST), zone)))
    stop = len(bars)
    if end is not None and end <= _LAST:
        stop = int(np.searchsorted(bars.time, _midnight(end + timedelta(days=1), zone)))
    if stop - begin < MIN_BARS:
        held = "1 bar lies" if stop - begin == 1 else f"{max(0, stop - begin)} bars lie"
        raise _invalid("/start", f"{held} between the start and the end; a backtest needs at least {MIN_BARS}")
    part = slice(begin, stop)
    return Bars(bars.time[part], bars.open[part], bars.high[part], bars.low[part], bars.close[part], bars.volume[part])


def _midnight(day: date, zone: tzinfo) -> int:
    """The first moment of a day in nanoseconds since 1970 UTC, exact: a float of seconds would round."""
    moment = datetime.combine(day, clock_time(), zone)
    return round(moment.timestamp()) * 1_000_000_000


def _invalid(pointer: str, message: str) -> Invalid:
    return Invalid(f"The period: {message}", errors=(InputError(pointer, message),))

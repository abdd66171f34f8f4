"""What is unusual in a dataset without being wrong: counted, shown, never refused."""

from datetime import datetime, tzinfo

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.ingest.interval import DAY, SECOND, nanoseconds
from shared.contracts.values import Quality

SPLIT_LIKE = 0.40
_SATURDAY = 5


def quality_of(bars: Bars, interval: str, zone: tzinfo) -> Quality:
    """Count gaps, opens more than 40 % away from the close before them, and bars without volume."""
    return Quality(
        gaps=_gaps(bars.time, nanoseconds(interval), zone),
        split_like_jumps=_jumps(bars.open, bars.close),
        zero_volume_bars=int(np.count_nonzero(bars.volume == 0.0)),
    )


def _gaps(time: Ints, interval: int, zone: tzinfo) -> int:
    """Count the places where at least one bar is missing: the next bar is more than one and a half intervals away.

    With daily bars Saturdays and Sundays are not missing unless the dataset has bars on some, so that a holiday is a
    gap and a weekend is none. Below a day the close of a session is a gap like any other.
    """
    if interval == DAY:
        days = _local_days(time, zone)
        if not np.any((days.astype("datetime64[D]").view(np.int64) + 3) % 7 >= _SATURDAY):
            return int(np.count_nonzero(np.busday_count(days[:-1], days[1:]) > 1))
    return int(np.count_nonzero(np.diff(time) > interval + interval // 2))


def _local_days(time: Ints, zone: tzinfo) -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    """The dates of `time` on the clocks of `zone`: midnight there is another day in UTC."""
    dates = [datetime.fromtimestamp(second, zone).date() for second in (time // SECOND).tolist()]
    return np.array(dates, dtype="datetime64[D]")


def _jumps(open_: Floats, close: Floats) -> int:
    return int(np.count_nonzero(np.abs(open_[1:] / close[:-1] - 1.0) > SPLIT_LIKE))

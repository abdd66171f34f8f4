"""The rules that every bar of a dataset keeps; each breach names its row and column."""

from collections.abc import Callable

import numpy as np

from services.backtest.core.engine.dtypes import Flags, Floats, Ints
from services.backtest.core.ingest.faults import Faults
from services.backtest.core.ingest.table import NO_TIME, Table

PRICES = ("open", "high", "low", "close")


def find_faults(table: Table, faults: Faults, *, before: int = NO_TIME, newest_first: bool = False) -> None:
    """Note every breach; `before` is the time of the row before the table's first.

    Cells that could not be read (NaN, NO_TIME) are noted already and break no rule.
    """
    _ordered_times(table, before, newest_first, faults)
    for field in PRICES:
        _prices_above_zero(table, field, faults)
    _high_and_low_around_the_rest(table, faults)
    _volume_not_negative(table, faults)


def _ordered_times(table: Table, before: int, newest_first: bool, faults: Faults) -> None:
    time = table.time
    last: Ints = np.concatenate([np.array([before], np.int64), time[:-1]])
    known = (time != NO_TIME) & (last != NO_TIME)
    breach = known & ((time >= last) if newest_first else (time <= last))

    def message(row: int) -> str:
        this, other = _time_text(time[row]), _time_text(last[row])
        if time[row] == last[row]:
            return f"{this} is the time of the row before it too; each bar has a time of its own"
        if newest_first:
            return f"{this} is after {other}, the row before it, and the file begins with the newest; sort by time"
        return f"{this} is before {other}, the row before it; sort by time"

    _note(faults, table, "time", breach, message)


def _prices_above_zero(table: Table, field: str, faults: Faults) -> None:
    price: Floats = getattr(table, field)
    _note(faults, table, field, price <= 0.0, lambda row: f"{price[row]} is not above 0")


def _high_and_low_around_the_rest(table: Table, faults: Faults) -> None:
    """Rows with a price that is not above 0 have been noted for that; NaN makes every comparison false."""
    sound = np.minimum(np.minimum(table.open, table.high), np.minimum(table.low, table.close)) > 0.0
    top, bottom = np.maximum(table.open, table.close), np.minimum(table.open, table.close)

    def too_low(row: int) -> str:
        return f"{table.high[row]} is below the {_named(table, row, top[row])}; the high is the highest of the bar"

    def too_high(row: int) -> str:
        return f"{table.low[row]} is above the {_named(table, row, bottom[row])}; the low is the lowest of the bar"

    _note(faults, table, "high", sound & (table.high < top), too_low)
    _note(faults, table, "low", sound & (table.low > bottom), too_high)


def _volume_not_negative(table: Table, faults: Faults) -> None:
    volume = table.volume
    _note(faults, table, "volume", volume < 0.0, lambda row: f"{volume[row]} is negative")


def _note(faults: Faults, table: Table, field: str, breach: Flags, message: Callable[[int], str]) -> None:
    where = np.flatnonzero(breach)
    faults.add(table.rows[where], field, lambda index: message(int(where[index])))


def _named(table: Table, row: int, price: float) -> str:
    return f"{'open' if table.open[row] == price else 'close'} {price}"


def _time_text(nanoseconds: np.int64) -> str:
    return f"{np.datetime_as_string(nanoseconds.astype('datetime64[ns]'), unit='auto')}Z"

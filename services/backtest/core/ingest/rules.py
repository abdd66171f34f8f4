"""The rules that every bar of a dataset keeps; each breach names its row and column."""

from collections.abc import Callable

import numpy as np

from services.backtest.core.engine.dtypes import Flags, Floats
from services.backtest.core.ingest.faults import Faults
from services.backtest.core.ingest.table import NO_TIME, Table

PRICES = ("open", "high", "low", "close")


def find_faults(table: Table, faults: Faults) -> None:
    """Note every breach. Cells that could not be read (NaN, NO_TIME) are noted already and break no rule."""
    _rising_times(table, faults)
    for field in PRICES:
        _prices_above_zero(table, field, faults)
    _high_and_low_around_the_rest(table, faults)
    _volume_not_negative(table, faults)


def _rising_times(table: Table, faults: Faults) -> None:
    time = table.time
    breach = np.zeros(len(table), np.bool_)
    breach[1:] = (time[1:] <= time[:-1]) & (time[1:] != NO_TIME)

    def message(row: int) -> str:
        if time[row] == time[row - 1]:
            return f"{_time_text(time[row])} is the time of the row before it too; each bar has a time of its own"
        return f"{_time_text(time[row])} is before {_time_text(time[row - 1])}, the row before it; sort by time"

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

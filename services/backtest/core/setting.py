"""What a run's bars and the terms asked for are to the engine."""

import math
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Floats, Market, Rules, SizeMethod
from services.backtest.core.language.sizing import VOLATILITY_TARGET, Sizing
from services.backtest.core.metrics.annualisation import DAY, DAYS_PER_YEAR, bars_per_year, days_between
from shared.contracts.values import Execution

BASIS_POINT = 1e4


class Calendar(NamedTuple):
    """What the times of bars are to the engine.

    `years`, shape (bars,), is the time from the bar before to each, in years of 365.25 days, 0 for the first.
    `bars_per_year` is None where there is a single bar; `days` are those from the first bar to the last.
    """

    years: Floats
    bars_per_year: float | None
    days: float


_calendars: WeakKeyDictionary[Bars, Calendar] = WeakKeyDictionary()


def calendar_of(bars: Bars) -> Calendar:
    """The calendar of these bars, which is kept as long as they are: many runs on the same bars are the rule."""
    calendar = _calendars.get(bars)
    if calendar is None:
        years = np.diff(bars.time, prepend=bars.time[:1]) / (DAY * DAYS_PER_YEAR)
        years.flags.writeable = False
        calendar = _calendars[bars] = Calendar(years, bars_per_year(bars.time), days_between(bars.time))
    return calendar


def market_of(bars: Bars) -> Market:
    """The bars as the engine reads them."""
    return Market(bars.open, bars.high, bars.low, bars.close, calendar_of(bars).years)


def rules_of(execution: Execution, sizing: Sizing, bars_per_year: float | None) -> Rules:
    """The rules of a run. A volatility target is brought down from a year to a bar."""
    size = sizing.value
    if sizing.method == VOLATILITY_TARGET:
        size /= math.sqrt(bars_per_year or math.nan)
    return Rules(
        initial_cash=float(execution.initial_cash),
        size_method=SizeMethod[sizing.method.upper()].value,
        size=size,
        lot_size=float(execution.lot_size or 0.0),
        fee_rate=execution.fee_bps / BASIS_POINT,
        fee_fixed=float(execution.fee_fixed),
        slippage=execution.slippage_bps / BASIS_POINT,
        borrow_rate=execution.borrow_bps_per_year / BASIS_POINT,
        at_close=execution.fill == "close",
        target_first=execution.stop_rule == "target_first",
        close_at_end=execution.close_at_end,
    )

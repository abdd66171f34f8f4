"""What a run's bars and the terms asked for are to the engine."""

import math

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Market, Rules, SizeMethod
from services.backtest.core.language.sizing import VOLATILITY_TARGET, Sizing
from services.backtest.core.metrics.annualisation import DAY, DAYS_PER_YEAR
from shared.contracts.values import Execution

BASIS_POINT = 1e4


def market_of(bars: Bars) -> Market:
    """The bars as the engine reads them; the first has no bar before it, and no time since."""
    years = np.diff(bars.time, prepend=bars.time[:1]) / (DAY * DAYS_PER_YEAR)
    years.flags.writeable = False
    return Market(bars.open, bars.high, bars.low, bars.close, years)


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

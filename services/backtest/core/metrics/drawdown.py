"""Drawdown: how far, and how long, the equity is below its highest so far."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.engine.equity_sums import LEVEL
from services.backtest.core.metrics.annualisation import DAY


def drawdown(equity: Floats, initial_cash: float) -> Floats:
    """E_t / max(E_0 ... E_t) - 1 at each close, a fraction <= 0, shape (bars,). E_0 is the initial cash.

    0 where it is no more than the rounding of E_t.
    """
    peak = np.maximum(np.maximum.accumulate(equity), initial_cash)
    fall: Floats = equity / peak - 1.0
    fall[fall >= -LEVEL] = 0.0
    return fall


def longest_drawdown(drawdowns: Floats, time: Ints) -> tuple[int, float]:
    """The most bars in a row below the highest so far; and the longest time, in days, from a peak to the last of them.

    The bar of the peak is the last that is not below, or the first of all when the equity never reached the initial
    cash. The two may be of different drawdowns.
    """
    edges = np.flatnonzero(np.diff(drawdowns < 0.0, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    if len(starts) == 0:
        return 0, 0.0
    days = (time[ends - 1] - time[np.maximum(starts - 1, 0)]).max() / DAY
    return int((ends - starts).max()), float(days)

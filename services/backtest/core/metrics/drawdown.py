"""Drawdown: how far, and how long, the equity is below its highest so far."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats


def drawdown(equity: Floats, initial_cash: float) -> Floats:
    """E_t / max(E_0 ... E_t) - 1 at each close, a fraction <= 0, shape (bars,). E_0 is the initial cash."""
    peak = np.maximum(np.maximum.accumulate(equity), initial_cash)
    return equity / peak - 1.0


def max_drawdown_bars(drawdowns: Floats) -> int:
    """The most bars in a row with the equity below its highest so far."""
    below = np.concatenate(([0], (drawdowns < 0.0).astype(np.int8), [0]))
    edges = np.flatnonzero(np.diff(below))
    return int(np.max(edges[1::2] - edges[::2], initial=0))

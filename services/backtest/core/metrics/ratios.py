"""Ratios of what a run brought to what it put at stake. Those of the sweeps' ten are in the engine's own kernel."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats


def calmar(cagr: float | None, max_drawdown: float) -> float | None:
    """cagr / |max_drawdown|; None without a drawdown."""
    return cagr / abs(max_drawdown) if cagr is not None and max_drawdown < 0.0 else None


def omega(returns: Floats) -> float | None:
    """sum(max(r, 0)) / sum(max(-r, 0)): the gains over the losses; None when no return is negative."""
    losses = -float(np.minimum(returns, 0.0).sum())
    return float(np.maximum(returns, 0.0).sum()) / losses if losses > 0.0 else None

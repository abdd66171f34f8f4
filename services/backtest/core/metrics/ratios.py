"""Ratios of what a run brought to what it put at stake. Those of the sweeps' ten are in the engine's own kernel."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.equity_sums import LEVEL


def calmar(cagr: float | None, max_drawdown: float) -> float | None:
    """cagr / |max_drawdown|; None without a drawdown."""
    return cagr / abs(max_drawdown) if cagr is not None and max_drawdown < 0.0 else None


def omega(returns: Floats) -> float | None:
    """sum(max(r, 0)) / sum(max(-r, 0)): the gains over the losses; None when no return is below 0 but for rounding."""
    if len(returns) == 0 or returns.min() >= -LEVEL:
        return None
    return float(np.maximum(returns, 0.0).sum()) / -float(np.minimum(returns, 0.0).sum())

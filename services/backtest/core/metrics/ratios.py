"""Ratios of return to risk, from the returns between bar closes, annualised by the bars per year."""

import math

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.metrics.spread import spread


def bar_returns(equity: Floats) -> Floats:
    """r_t = E_t / E_(t-1) - 1, one fewer than bars. After ruin there is nothing to have a return on."""
    before, after = equity[:-1], equity[1:]
    alive = before > 0.0
    return after[alive] / before[alive] - 1.0


def volatility(returns: Floats, bars_per_year: float | None) -> float | None:
    """std(r, ddof=1) * sqrt(A); None for fewer than two returns."""
    if len(returns) < 2 or bars_per_year is None:
        return None
    return float(np.std(returns, ddof=1)) * math.sqrt(bars_per_year)


def sharpe(returns: Floats, bars_per_year: float | None) -> float | None:
    """mean(r) / std(r, ddof=1) * sqrt(A), the riskless rate taken as 0; None when the returns do not vary."""
    deviation = spread(returns)
    if deviation is None or bars_per_year is None:
        return None
    return float(np.mean(returns)) / deviation * math.sqrt(bars_per_year)


def sortino(returns: Floats, bars_per_year: float | None) -> float | None:
    """mean(r) / sqrt(mean(min(r, 0)^2)) * sqrt(A); None when no return is negative."""
    if len(returns) == 0 or bars_per_year is None:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return float(np.mean(returns)) / downside * math.sqrt(bars_per_year) if downside > 0.0 else None


def calmar(cagr: float | None, max_drawdown: float) -> float | None:
    """cagr / |max_drawdown|; None without a drawdown."""
    return cagr / abs(max_drawdown) if cagr is not None and max_drawdown < 0.0 else None

"""Against a benchmark: how much of the return was the market's, and how far the run strayed from it.

Source: M. Jensen, "The Performance of Mutual Funds in the Period 1945-1964", Journal of Finance 23(2), 1968, for
alpha and beta, the riskless rate taken as 0; R. Grinold and R. Kahn, "Active Portfolio Management", for the others.
"""

import math

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.metrics.returns import TINY, variation
from services.backtest.core.metrics.spread import magnitude, spread


def beta(returns: Floats, benchmark: Floats) -> float | None:
    """cov(r, b) / var(b); None for fewer than two returns, or when the benchmark's do not vary."""
    if variation(benchmark) is None:
        return None
    apart = benchmark - benchmark.mean()
    return float(np.sum((returns - returns.mean()) * apart) / np.sum(apart * apart))


def alpha(returns: Floats, benchmark: Floats, beta: float | None, bars_per_year: float | None) -> float | None:
    """(mean(r) - beta * mean(b)) * A, arithmetic, a fraction a year; None without a beta."""
    if beta is None or bars_per_year is None:
        return None
    return (float(returns.mean()) - beta * float(benchmark.mean())) * bars_per_year


def tracking_error(returns: Floats, benchmark: Floats, bars_per_year: float | None) -> float | None:
    """std(r - b, ddof=1) * sqrt(A); None for fewer than two returns."""
    if len(returns) < 2 or bars_per_year is None:
        return None
    return float((returns - benchmark).std(ddof=1)) * math.sqrt(bars_per_year)


def information_ratio(returns: Floats, benchmark: Floats, bars_per_year: float | None) -> float | None:
    """mean(r - b) / std(r - b, ddof=1) * sqrt(A); None when the difference does not vary."""
    if len(returns) < 2 or bars_per_year is None:
        return None
    ahead = returns - benchmark
    deviation = spread(ahead, max(magnitude(returns), magnitude(benchmark), TINY))
    return None if deviation is None else float(ahead.mean()) / deviation * math.sqrt(bars_per_year)

"""Activity: how much of the time a position was held, and how much was traded."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.metrics.annualisation import DAYS_PER_YEAR


def exposure(position: Floats) -> float:
    """The share of the bars with a position at their close."""
    return float(np.count_nonzero(position)) / len(position)


def turnover(traded: float, equity: Floats, days: float) -> float | None:
    """The worth of all fills over the mean equity, a year; None when no time passes or nothing was ever owned.

    Both ways are counted: who exchanges everything once, by an exit and an entry, has turned it over twice.
    """
    owned = float(equity.mean())
    return traded / owned * (DAYS_PER_YEAR / days) if days > 0.0 and owned > 0.0 else None

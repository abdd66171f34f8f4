"""Spread: the standard deviation, where there is one."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats

ROUNDING = 1e-12
"""A spread below this share of the largest value is what rounding leaves of equal values."""


def spread(values: Floats) -> float | None:
    """The sample standard deviation (ddof 1); None for fewer than two values, or when they are all the same."""
    if len(values) < 2:
        return None
    deviation = float(np.std(values, ddof=1))
    return deviation if deviation > ROUNDING * float(np.max(np.abs(values))) else None

"""The tail: how bad a bad bar was, from the returns as they happened. Losses are positive."""

import math

import numpy as np

from services.backtest.core.engine.dtypes import Floats

WORST = 0.05


def tail(returns: Floats) -> tuple[float, float] | tuple[None, None]:
    """Value at risk and expected shortfall of the worst 5 %; None for no return.

    The first is minus the quantile, between two returns by straight line; the second minus the mean of the returns at
    or below the quantile. Both are negative when even those bars gained.
    """
    if len(returns) == 0:
        return None, None
    place = (len(returns) - 1) * WORST
    below, above = math.floor(place), math.ceil(place)
    ordered = np.partition(returns, (below, above))
    quantile = float(ordered[below]) + (place - below) * (float(ordered[above]) - float(ordered[below]))
    worst = ordered[ordered <= quantile]
    return 0.0 - quantile, 0.0 - float(worst.mean())

"""How widely the values of a window are spread."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.indicators.window_sum import window_distances, window_squares, window_sums
from services.backtest.core.engine.jit import kernel


@kernel
def stddev(x: Floats, n: int) -> Floats:
    """The population standard deviation of the last n values, sqrt(variance); the first on bar n - 1.

    Source: J. Bollinger, "Bollinger on Bollinger Bands" (2001), as TA-Lib's STDDEV.
    """
    return np.sqrt(variance(x, n))


@kernel
def variance(x: Floats, n: int) -> Floats:
    """The population variance of the last n values, mean((x - mean)^2); the first on bar n - 1.

    Source: TA-Lib's VAR, but in two passes: the one-pass form loses the digits that mean^2 and the variance do not
    share.
    """
    mean = window_sums(x, n) / n
    return _flat_is_zero(window_squares(x, mean, n) / n, x, n)


@kernel
def mean_deviation(x: Floats, n: int) -> Floats:
    """The mean of abs(x - mean) over the last n values; the first on bar n - 1. Source: TA-Lib's AVGDEV, as in CCI."""
    mean = window_sums(x, n) / n
    return _flat_is_zero(window_distances(x, mean, n) / n, x, n)


@kernel
def _flat_is_zero(spread: Floats, x: Floats, n: int) -> Floats:
    """`spread`, and 0 where the n values are all the same, whatever rounding made of their mean."""
    same = 0
    for bar in range(len(x)):
        same = same + 1 if bar > 0 and x[bar] == x[bar - 1] else 1
        if same >= n:
            spread[bar] *= 0.0
    return spread

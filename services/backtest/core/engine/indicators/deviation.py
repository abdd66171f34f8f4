"""How widely values are spread."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.indicators.window_sum import window_sum
from services.backtest.core.engine.jit import kernel


@kernel
def stddev(x: Floats, n: int) -> Floats:
    """The population standard deviation of the last n values, sqrt(mean((x - mean)^2)); the first on bar n - 1.

    Source: J. Bollinger, "Bollinger on Bollinger Bands" (2001), as TA-Lib's STDDEV, but in two passes: the one-pass
    form loses the digits that mean^2 and the deviation do not share.
    """
    out = np.full(len(x), np.nan)
    squares = np.empty(n)
    for start in range(len(x) - n + 1):
        mean = window_sum(x, start, n) / n
        for index in range(n):
            off = x[start + index] - mean
            squares[index] = off * off
        out[start + n - 1] = np.sqrt(window_sum(squares, 0, n) / n)
    return out

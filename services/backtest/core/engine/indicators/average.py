"""Moving averages."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.indicators.window_sum import window_sum
from services.backtest.core.engine.jit import kernel


@kernel
def sma(x: Floats, n: int) -> Floats:
    """The mean of the last n values, each window added up afresh; the first comes on bar n - 1."""
    out = np.full(len(x), np.nan)
    for start in range(len(x) - n + 1):
        out[start + n - 1] = window_sum(x, start, n) / n
    return out


@kernel
def ema(x: Floats, n: int) -> Floats:
    """The exponential average with alpha = 2 / (n + 1), which starts at the first value and is hidden until the n-th.

    Source: TA-Lib's "classic" seed is the mean of n values, Pine's `ta.ema` starts as this does; the difference
    fades with (1 - alpha)^bars. A bar without a value has no average and leaves it as it was.
    """
    out = np.full(len(x), np.nan)
    alpha = 2.0 / (n + 1.0)
    average = np.nan
    seen = 0
    for bar in range(len(x)):
        if np.isnan(x[bar]):
            continue
        average = x[bar] if seen == 0 else alpha * x[bar] + (1.0 - alpha) * average
        seen += 1
        if seen >= n:
            out[bar] = average
    return out

"""Moving averages."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.indicators.window_sum import window_sums
from services.backtest.core.engine.jit import kernel


@kernel
def sma(x: Floats, n: int) -> Floats:
    """The mean of the last n values, each window added up afresh; the first comes on bar n - 1."""
    return window_sums(x, n) / n


@kernel
def ema(x: Floats, n: int) -> Floats:
    """The exponential average with alpha = 2 / (n + 1), which starts at the first value and is hidden until the n-th.

    Source: TA-Lib's EMA in its Metastock mode; its classic mode and Pine's `ta.ema` start at the mean of n values,
    and the difference fades with (1 - alpha)^bars. A bar without a value has no average and leaves it as it was.
    """
    out = np.full(len(x), np.nan)
    alpha = 2.0 / (n + 1.0)
    average = np.nan
    seen = 0
    for bar in range(len(x)):
        if np.isnan(x[bar]):
            continue
        average = x[bar] if seen == 0 else average + alpha * (x[bar] - average)
        seen += 1
        if seen >= n:
            out[bar] = average
    return out


@kernel
def rma(x: Floats, n: int) -> Floats:
    """Wilder's average, (old * (n - 1) + new) / n; it starts as the plain mean of the first n values.

    Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978), as TA-Lib's RMA and Pine's `ta.rma`. A bar
    without a value has no average and leaves it as it was.
    """
    out = np.full(len(x), np.nan)
    average = 0.0
    seen = 0
    for bar in range(len(x)):
        if np.isnan(x[bar]):
            continue
        seen += 1
        average = average * (n - 1 if seen > n else 1) + x[bar]
        if seen >= n:
            average /= n
            out[bar] = average
    return out

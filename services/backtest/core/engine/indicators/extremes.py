"""The highest and the lowest of a window."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel


@kernel
def highest(x: Floats, n: int) -> Floats:
    """The greatest of the last n values; the first comes on bar n - 1, and one missing value hides n bars.

    The bars that may still be the greatest wait in a queue, greatest first, so that each bar enters and leaves it
    once whatever n is. Source: D. Lemire, "Streaming maximum-minimum filter" (2006).
    """
    out = np.full(len(x), np.nan)
    queue = np.empty(len(x), np.int64)
    first, after = 0, 0
    complete = 0
    for bar in range(len(x)):
        if np.isnan(x[bar]):
            first, after, complete = 0, 0, 0
            continue
        complete += 1
        if after > first and queue[first] <= bar - n:
            first += 1
        while after > first and x[queue[after - 1]] <= x[bar]:
            after -= 1
        queue[after] = bar
        after += 1
        if complete >= n:
            out[bar] = x[queue[first]]
    return out


@kernel
def lowest(x: Floats, n: int) -> Floats:
    """The least of the last n values; see `highest`."""
    return -highest(-x, n)

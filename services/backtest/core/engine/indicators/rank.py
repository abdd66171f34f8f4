"""Where a value stands among those before it."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel

BLOCK = 256


@kernel
def percentrank(x: Floats, n: int) -> Floats:
    """The percentage of the n values before this one that are below it; the first comes on bar n.

    It costs bars x n comparisons, those of a block of bars side by side.
    Source: TA-Lib's PERCENTRANK; Pine's `ta.percentrank` counts equal values too.
    """
    out = np.full(len(x), np.nan)
    below = np.empty(BLOCK)
    complete = 0
    for start in range(0, len(x), BLOCK):
        count = min(BLOCK, len(x) - start)
        for place in range(count):
            below[place] = 0.0
        for back in range(1, n + 1):
            skipped = min(max(back - start, 0), count)
            _count_below(below[skipped:count], x[start + skipped : start + count], x[start + skipped - back :])
        for place in range(count):
            complete = 0 if np.isnan(x[start + place]) else complete + 1
            if complete > n:
                out[start + place] = 100.0 * below[place] / n
    return out


@kernel
def _count_below(below: Floats, x: Floats, earlier: Floats) -> None:
    for place in range(len(below)):
        below[place] += 1.0 if earlier[place] < x[place] else 0.0

"""The highest and the lowest of a window, and when they were."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.engine.jit import kernel


@kernel
def highest(x: Floats, n: int) -> Floats:
    """The greatest of the last n values; the first comes on bar n - 1, and one missing value hides n bars."""
    return _values_at(x, _extremes(x, n, 1.0))


@kernel
def lowest(x: Floats, n: int) -> Floats:
    """The least of the last n values; see `highest`."""
    return _values_at(x, _extremes(x, n, -1.0))


@kernel
def highest_bars(x: Floats, n: int) -> Floats:
    """How many bars ago the greatest of the last n values was; of equal ones the newest counts."""
    return _bars_ago(_extremes(x, n, 1.0))


@kernel
def lowest_bars(x: Floats, n: int) -> Floats:
    """How many bars ago the least of the last n values was; of equal ones the newest counts."""
    return _bars_ago(_extremes(x, n, -1.0))


@kernel
def _extremes(x: Floats, n: int, sign: float) -> Ints:
    """The bar of the greatest of `sign` times the last n values, -1 where there is no full window.

    Of equal values the newest counts; TA-Lib takes one or another, by how it came upon them. The bars that may still be
    the greatest wait in a queue, greatest first, so that each bar enters and leaves it once whatever n is.
    Source: D. Lemire, "Streaming maximum-minimum filter" (2006).
    """
    out = np.full(len(x), -1)
    queue = np.empty(len(x), np.int64)
    first, after = 0, 0
    complete = 0
    for bar in range(len(x)):
        value = sign * x[bar]
        if np.isnan(value):
            first, after, complete = 0, 0, 0
            continue
        complete += 1
        if after > first and queue[first] <= bar - n:
            first += 1
        while after > first and sign * x[queue[after - 1]] <= value:
            after -= 1
        queue[after] = bar
        after += 1
        if complete >= n:
            out[bar] = queue[first]
    return out


@kernel
def _values_at(x: Floats, bars: Ints) -> Floats:
    out = np.full(len(x), np.nan)
    for bar in range(len(x)):
        if bars[bar] >= 0:
            out[bar] = x[bars[bar]]
    return out


@kernel
def _bars_ago(bars: Ints) -> Floats:
    out = np.full(len(bars), np.nan)
    for bar in range(len(bars)):
        if bars[bar] >= 0:
            out[bar] = bar - bars[bar]
    return out

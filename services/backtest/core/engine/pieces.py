"""Functions that go through each window afresh, computed piece by piece: the whole may take minutes, a kernel cannot be
interrupted, and somebody may want to stop.
"""

from collections.abc import Callable

import numpy as np

from services.backtest.core.engine.dtypes import Floats

AFRESH = frozenset({"sma", "sum_n", "stddev", "variance", "_mean_deviation", "percentrank"})
"""What they give on a bar depends on nothing but that bar and the n before it."""

PIECE = 100_000_000
"""Bars times window of a piece, some hundredths of a second."""


def in_pieces(kernel: Callable[[Floats, int], Floats], x: Floats, n: int, between: Callable[[], None]) -> Floats:
    """What `kernel` gives for a series and a window of n bars, to the bit; `between` is called between two pieces."""
    size = max(PIECE // n, 1)
    if len(x) <= size:
        return kernel(x, n)
    out = np.empty(len(x))
    for start in range(0, len(x), size):
        if start > 0:
            between()
        first = max(start - n, 0)
        out[start : start + size] = kernel(x[first : start + size], n)[start - first :]
    return out

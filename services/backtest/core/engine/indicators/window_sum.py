"""The sum of a window, in a fixed order of additions."""

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel

LANES = 8


@kernel
def window_sum(x: Floats, start: int, n: int) -> float:
    """The sum of x[start : start + n], added afresh: in eight lanes side by side, which are then added in pairs.

    The order matters: where two averages tie, rounding decides which is above, and with it whether a strategy trades.
    A running sum drifts, so that the same window gives another sum later on; this one depends on nothing but the
    window. Up to 128 values the order is that of `numpy.sum`, so an average that is checked in numpy agrees to the
    bit. Source: numpy's pairwise summation (`loops_utils.h.src`), without its halving of longer runs.
    """
    if n < LANES:
        few = 0.0
        for index in range(start, start + n):
            few += x[index]
        return few
    a, b, c, d = x[start], x[start + 1], x[start + 2], x[start + 3]
    e, f, g, h = x[start + 4], x[start + 5], x[start + 6], x[start + 7]
    whole = start + n - n % LANES
    for index in range(start + LANES, whole, LANES):
        a += x[index]
        b += x[index + 1]
        c += x[index + 2]
        d += x[index + 3]
        e += x[index + 4]
        f += x[index + 5]
        g += x[index + 6]
        h += x[index + 7]
    total: float = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for index in range(whole, start + n):
        total += x[index]
    return total

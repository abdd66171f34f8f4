"""What the ratios and the deepest drawdown need of an equity curve, in one walk over it."""

from typing import NamedTuple

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import inlined

LEVEL = 1e-14
"""An equity this share below its peak is at its peak: money and units add up to it with roundings only."""


class Sums(NamedTuple):
    """Of the returns r so far: how many, and the sums of r - shift, of its square, and of min(r, 0) squared.

    Of the equity: its highest, its lowest since, and the deepest fall below any earlier highest, a fraction <= 0.
    """

    returns: int
    moved: float
    squared: float
    lost: float
    peak: float
    low: float
    worst: float


@inlined
def extended(sums: Sums, equity: Floats, start: int, stop: int, shift: float) -> Sums:
    """`sums` and the bars from `start` up to but without `stop`, with r_t = E_t / E_(t-1) - 1; the first bar has none.

    The fall is divided out at a new highest only: the lowest below one highest is the deepest there.
    """
    returns, moved, squared, lost, peak, low, worst = sums
    for bar in range(start, stop):
        value = equity[bar]
        if value > peak:
            if low < peak:
                worst = min(worst, low / peak - 1.0)
            peak = low = value
        elif value < low:
            low = value
        if bar > 0:
            gain = value / equity[bar - 1] - 1.0
            apart, loss = gain - shift, min(gain, 0.0)
            returns += 1
            moved += apart
            squared += apart * apart
            lost += loss * loss
    return Sums(returns, moved, squared, lost, peak, low, worst)


@inlined
def deepest(sums: Sums) -> float:
    """The deepest drawdown, the one that is still going on included; 0 for what rounding makes of none."""
    fall = min(sums.worst, sums.low / sums.peak - 1.0)
    return fall if fall < -LEVEL else 0.0

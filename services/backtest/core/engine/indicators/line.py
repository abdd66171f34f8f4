"""The least-squares line through a window, and the average that leans on it."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel


@kernel
def wma(x: Floats, n: int) -> Floats:
    """The mean of the last n values weighted n, n - 1, ..., 1 from the newest on; the first comes on bar n - 1.

    It is the mean and a part of the line's slope: with S = sum((t - mean t) * (x - mean x)), the sum of t * x is
    n * (n + 1) / 2 * mean + S. Source: TA-Lib's WMA.
    """
    mean, together = _moments(x, n)
    return mean + together * (2.0 / (n * (n + 1.0)))


@kernel
def linreg(x: Floats, n: int) -> Floats:
    """The end of the least-squares line through the last n values; the first comes on bar n - 1.

    The mean and (n - 1) / 2 steps of the slope. Source: TA-Lib's LINEARREG.
    """
    mean, together = _moments(x, n)
    return mean + together * (6.0 / (n * (n + 1.0)))


@kernel
def slope(x: Floats, n: int) -> Floats:
    """The slope of that line a bar, S / sum((t - mean t)^2), for n of at least 2. Source: TA-Lib's LINEARREG_SLOPE."""
    _, together = _moments(x, n)
    return together * (12.0 / (n * (n * float(n) - 1.0)))


@kernel
def _moments(x: Floats, n: int) -> tuple[Floats, Floats]:
    """Each window's mean, and its sum((t - mean t) * (x - mean x)) where t counts bars; in bars steps whatever n is.

    The bars are cut into blocks of n, so that a window is the end of one block and the beginning of the next. Ends are
    summed up from the right once a block is over, beginnings from the left, and the two put together by the formula for
    joint moments. Nothing is ever taken off a sum, so nothing drifts, a missing value harms only its own windows, and
    equal values have the moment 0. Sources: M. van Herk, "A fast algorithm for local minimum and maximum filters"
    (1992), for the blocks; T. Chan, G. Golub and R. LeVeque, "Updating formulae" (1979), for the moments.
    """
    means, togethers = np.full(len(x), np.nan), np.full(len(x), np.nan)
    older_mean, older_together = np.empty(n), np.empty(n)
    for first in range(0, len(x), n):
        mean, together = 0.0, 0.0
        for count in range(min(n, len(x) - first)):
            off = x[first + count] - mean
            together += off * count * 0.5
            mean += off / (count + 1)
            newer, older = count + 1, n - count - 1
            if older == 0:
                means[first + count], togethers[first + count] = mean, together
            elif first > 0:
                apart = mean - older_mean[older - 1]
                means[first + count] = older_mean[older - 1] + apart * newer / n
                togethers[first + count] = older_together[older - 1] + together + apart * older * newer * 0.5
        mean, together = 0.0, 0.0
        for count in range(n if first + n <= len(x) else 0):
            off = x[first + n - 1 - count] - mean
            together -= off * count * 0.5
            mean += off / (count + 1)
            older_mean[count], older_together[count] = mean, together
    return means, togethers

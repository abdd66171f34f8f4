"""How closely two series move together."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import inlined, kernel

MOMENTS = 5


@kernel
def correlation(x: Floats, y: Floats, n: int) -> Floats:
    """Pearson's correlation of the last n pairs, -1 to 1; the first comes on bar n - 1.

    No value where one of the two does not change. In bars steps whatever n is: windows are put together from blocks,
    as in `line`. Source: TA-Lib's CORREL, in a form that does not take large numbers from each other.
    """
    out = np.full(len(x), np.nan)
    older = np.zeros((n, MOMENTS))
    for first in range(0, len(x), n):
        newer = np.zeros(MOMENTS)
        for count in range(min(n, len(x) - first)):
            _include(newer, x[first + count], y[first + count], count)
            rest = n - count - 1
            if rest == 0:
                out[first + count] = _pearson(newer[2], newer[3], newer[4])
            elif first > 0:
                out[first + count] = _joined(older[rest - 1], newer, rest, count + 1)
        end = np.zeros(MOMENTS)
        for count in range(n if first + n <= len(x) else 0):
            _include(end, x[first + n - 1 - count], y[first + n - 1 - count], count)
            for moment in range(MOMENTS):
                older[count, moment] = end[moment]
    return out


@inlined
def _include(moments: Floats, x: float, y: float, count: int) -> None:
    """Add a pair to the moments of `count` pairs: mean x, mean y, sum dx^2, sum dy^2, sum dx * dy (Welford, 1962)."""
    off_x, off_y = x - moments[0], y - moments[1]
    share = count / (count + 1.0)
    moments[0] += off_x / (count + 1.0)
    moments[1] += off_y / (count + 1.0)
    moments[2] += off_x * off_x * share
    moments[3] += off_y * off_y * share
    moments[4] += off_x * off_y * share


@inlined
def _joined(older: Floats, newer: Floats, before: int, after: int) -> float:
    """The correlation over both (Chan, Golub and LeVeque, 1979)."""
    share = before * after / (before + after)
    apart_x, apart_y = newer[0] - older[0], newer[1] - older[1]
    return _pearson(
        older[2] + newer[2] + apart_x * apart_x * share,
        older[3] + newer[3] + apart_y * apart_y * share,
        older[4] + newer[4] + apart_x * apart_y * share,
    )


@inlined
def _pearson(square_x: float, square_y: float, product: float) -> float:
    """The correlation these sums mean; rounding may not take it past 1."""
    r: float = product / (np.sqrt(square_x) * np.sqrt(square_y))
    return min(max(r, -1.0), 1.0)

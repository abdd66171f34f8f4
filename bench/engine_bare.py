"""What the engine is measured against from below: a kernel written by hand for one strategy and nothing else.

The cross of two averages, long only, filled at the next open without costs; one pass over the bars for each pair, the
ten metrics of a sweep at its end.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")
def averages(x: Floats, lengths: Ints) -> Floats:
    """The means of the last n values by a running sum, shape (lengths, bars)."""
    out = np.full((len(lengths), len(x)), np.nan)
    for row in range(len(lengths)):
        n, total = lengths[row], 0.0
        for bar in range(len(x)):
            total += x[bar]
            if bar >= n:
                total -= x[bar - n]
            if bar >= n - 1:
                out[row, bar] = total / n
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def crosses(
    opens: Floats, closes: Floats, rows: Floats, pairs: Ints, cash: float, year: float, days: float, out: Floats
) -> None:
    """Fill `out`, shape (pairs, 10), for `pairs` of rows of averages, shape (pairs, 2)."""
    for pair in range(len(pairs)):
        cross(opens, closes, rows[pairs[pair, 0]], rows[pairs[pair, 1]], cash, year, days, out[pair])


@njit(cache=True, nogil=True, error_model="numpy")
def cross(
    opens: Floats, closes: Floats, fast: Floats, slow: Floats, cash: float, year: float, days: float, out: Floats
) -> None:
    """One pass over the bars: the fill, the mark, the sums, the order."""
    money, units, entry, order = cash, 0.0, 0.0, 0
    peak, worst, before = cash, 0.0, cash
    total = square = downside = won = lost = 0.0
    trades = wins = 0
    for bar in range(len(closes)):
        if order == 1:
            units, entry, money = money / opens[bar], money, 0.0
        elif order == 2:
            money, units = units * opens[bar], 0.0
            gain = money - entry
            trades, wins = trades + 1, wins + (gain > 0.0)
            won += max(gain, 0.0)
            lost -= min(gain, 0.0)
        equity = money + units * closes[bar]
        if bar > 0:
            change = equity / before - 1.0
            total += change
            square += change * change
            downside += min(change, 0.0) ** 2
        before = equity
        peak = max(peak, equity)
        worst = min(worst, equity / peak - 1.0)
        order = 0
        if units == 0.0 and bar > 0 and fast[bar] > slow[bar] and fast[bar - 1] <= slow[bar - 1]:
            order = 1
        elif units > 0.0 and fast[bar] < slow[bar] and fast[bar - 1] >= slow[bar - 1]:
            order = 2
    n = len(closes) - 1
    mean = total / n
    deviation = math.sqrt(max(square - n * mean * mean, 0.0) / (n - 1))
    out[0], out[1], out[2] = before, before / cash - 1.0, (before / cash) ** (365.25 / days) - 1.0
    out[3], out[4] = deviation * math.sqrt(year), mean / deviation * math.sqrt(year)
    out[5], out[6] = mean / math.sqrt(downside / n) * math.sqrt(year), worst
    out[7], out[8], out[9] = trades, wins / trades, won / lost

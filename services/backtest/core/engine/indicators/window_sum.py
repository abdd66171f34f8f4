"""The sums of all windows, each in a fixed order of additions."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel

LANES = 8
BLOCK = 256
SPAN = 2048
DISTANCES, SQUARES = 0, 1


@kernel
def window_sums(x: Floats, n: int) -> Floats:
    """The sum of the n values up to each bar, shape (bars,); the first comes on bar n - 1.

    Each window is added up afresh: in eight lanes side by side, which are then added in pairs. The order matters: where
    two averages tie, rounding decides which is above, and with it whether a strategy trades. A running sum drifts, so
    that the same window gives another sum later on; this one depends on nothing but the window. Up to 128 values the
    order is that of `numpy.sum`, so an average that is checked in numpy agrees to the bit. Source: numpy's pairwise
    summation (`loops_utils.h.src`), without its halving of longer runs.

    A lane of one window is another lane of the windows beside it, so each is added up once: a window costs an eighth
    of its additions, and every sum is still the same additions in the same order.
    """
    out = np.full(len(x), np.nan)
    lanes = np.empty(SPAN + LANES - 1)
    whole = n - n % LANES
    for end in range(n - 1, len(x), SPAN):
        count, start = min(SPAN, len(x) - end), end - n + 1
        total, lane = out[end : end + count], lanes[: count + LANES - 1]
        total[:] = 0.0
        lane[:] = 0.0
        if whole > 0:
            _add_every(lane, x[start:], LANES, whole // LANES)
            for place in range(len(total)):
                first = (lane[place] + lane[place + 1]) + (lane[place + 2] + lane[place + 3])
                second = (lane[place + 4] + lane[place + 5]) + (lane[place + 6] + lane[place + 7])
                total[place] = first + second
        _add_every(total, x[start + whole :], 1, n - whole)
    return out


@kernel
def window_distances(x: Floats, centre: Floats, n: int) -> Floats:
    """The sum of abs(x - c) over the n values up to each bar, c being `centre` on that bar; else as `window_sums`."""
    return _off_centre(x, centre, DISTANCES, n)


@kernel
def window_squares(x: Floats, centre: Floats, n: int) -> Floats:
    """The sum of (x - c)^2 over the n values up to each bar, c being `centre` on that bar; else as `window_sums`."""
    return _off_centre(x, centre, SQUARES, n)


@kernel
def _off_centre(x: Floats, centre: Floats, measure: int, n: int) -> Floats:
    """Every window's sum. A block of windows goes through its additions together, one window in each vector place.

    It costs bars x n additions, which is the price of not running a sum.
    """
    out = np.full(len(x), np.nan)
    lanes = np.empty(LANES * BLOCK)
    whole = n - n % LANES
    for end in range(n - 1, len(x), BLOCK):
        count = min(BLOCK, len(x) - end)
        start = end - n + 1
        for place in range(len(lanes)):
            lanes[place] = 0.0
        for index in range(whole):
            lane = index % LANES * BLOCK
            _add(lanes[lane : lane + count], x[start + index :], centre[end:], measure)
        total = out[end : end + count]
        _add_lanes(total, lanes)
        for index in range(whole, n):
            _add(total, x[start + index :], centre[end:], measure)
    return out


@kernel
def _add(total: Floats, x: Floats, centre: Floats, measure: int) -> None:
    if measure == DISTANCES:
        for place in range(len(total)):
            total[place] += abs(x[place] - centre[place])
    else:
        for place in range(len(total)):
            off = x[place] - centre[place]
            total[place] += off * off


@kernel
def _add_lanes(total: Floats, lanes: Floats) -> None:
    for place in range(len(total)):
        a, b = lanes[place], lanes[BLOCK + place]
        c, d = lanes[2 * BLOCK + place], lanes[3 * BLOCK + place]
        e, f = lanes[4 * BLOCK + place], lanes[5 * BLOCK + place]
        g, h = lanes[6 * BLOCK + place], lanes[7 * BLOCK + place]
        total[place] = ((a + b) + (c + d)) + ((e + f) + (g + h))


@kernel
def _add_every(total: Floats, x: Floats, step: int, terms: int) -> None:
    """Add `terms` values to each total, in order: x at its own place, then every `step` further on."""
    done = 0
    # Several at a time, so that the totals are not read and written for each.
    while terms - done >= 8:
        y = x[done * step :]
        for p in range(len(total)):
            near = total[p] + y[p] + y[p + step] + y[p + 2 * step] + y[p + 3 * step]
            total[p] = near + y[p + 4 * step] + y[p + 5 * step] + y[p + 6 * step] + y[p + 7 * step]
        done += 8
    while terms - done >= 3:
        y = x[done * step :]
        for p in range(len(total)):
            total[p] = total[p] + y[p] + y[p + step] + y[p + 2 * step]
        done += 3
    while terms > done:
        y = x[done * step :]
        for p in range(len(total)):
            total[p] += y[p]
        done += 1

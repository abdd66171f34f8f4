"""The functions that TA-Lib has not, or defines less strictly, computed the slow way: one window after the other."""

from collections.abc import Callable

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Flags, Floats


def windowed(x: Floats, n: int, of_window: Callable[[Floats], float]) -> Floats:
    """`of_window` of the n values up to each bar, missing where there are fewer or one is missing."""
    out = np.full(len(x), np.nan)
    for bar in range(n - 1, len(x)):
        window = x[bar - n + 1 : bar + 1]
        if not np.isnan(window).any():
            out[bar] = of_window(window)
    return out


def line(window: Floats) -> tuple[float, float]:
    """The slope of the least-squares line and its end."""
    steps = np.arange(len(window)) - (len(window) - 1) / 2.0
    slope = (steps * (window - window.mean())).sum() / (steps * steps).sum() if len(window) > 1 else 0.0
    return slope, window.mean() + slope * (len(window) - 1) / 2.0


def correlation(x: Floats, y: Floats, n: int) -> Floats:
    """Pearson's r of each window, missing where one of the two does not change."""
    out = np.full(len(x), np.nan)
    for bar in range(n - 1, len(x)):
        a, b = x[bar - n + 1 : bar + 1], y[bar - n + 1 : bar + 1]
        if np.ptp(a) > 0.0 and np.ptp(b) > 0.0:
            a, b = a - a.mean(), b - b.mean()
            out[bar] = (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())
    return out


def smoothed(x: Floats, n: int, alpha: float, *, mean_first: bool) -> Floats:
    """An average that starts as the first value, or as the mean of the first n, hidden until the n-th."""
    out = np.full(len(x), np.nan)
    begun = np.flatnonzero(~np.isnan(x))
    if len(begun) < n:
        return out
    if mean_first:
        average = x[begun[:n]].mean()
        out[begun[n - 1]] = average
        rest = begun[n:]
    else:
        average = x[begun[0]]
        rest = begun[1:]
        if n == 1:
            out[begun[0]] = average
    for bar in rest:
        average = average + alpha * (x[bar] - average)
        if bar >= begun[n - 1]:
            out[bar] = average
    return out


def ema(x: Floats, n: int) -> Floats:
    """The exponential average."""
    return smoothed(x, n, 2.0 / (n + 1.0), mean_first=False)


def rma(x: Floats, n: int) -> Floats:
    """Wilder's average."""
    return smoothed(x, n, 1.0 / n, mean_first=True)


def lagged(x: Floats, bars: int) -> Floats:
    """x as it was so many bars ago."""
    return np.concatenate((np.full(bars, np.nan), x))[: len(x)]


def true_range(bars: Bars) -> Floats:
    """The largest of the three distances of Wilder's definition."""
    before = lagged(bars.close, 1)
    distances = (bars.high - bars.low, np.abs(bars.high - before), np.abs(bars.low - before))
    return np.asarray(np.maximum(np.maximum(*distances[:2]), distances[2]))


def direction(bars: Bars, n: int, *, up: bool) -> Floats:
    """A directional indicator."""
    rise, fall = bars.high - lagged(bars.high, 1), lagged(bars.low, 1) - bars.low
    move, other = (rise, fall) if up else (fall, rise)
    moves = np.where((move > other) & (move > 0.0), move, 0.0)
    moves[0] = np.nan
    return 100.0 * rma(moves, n) / rma(true_range(bars), n)


def adx(bars: Bars, n: int) -> Floats:
    """The average directional index."""
    plus, minus = direction(bars, n, up=True), direction(bars, n, up=False)
    with np.errstate(invalid="ignore"):
        return rma(100.0 * np.abs(plus - minus) / (plus + minus), n)


def supertrend(bars: Bars, n: int, k: float) -> Floats:
    """The line, by two bands that are kept side by side."""
    middle, width = (bars.high + bars.low) / 2.0, k * rma(true_range(bars), n)
    lower, upper, up = np.nan, np.nan, True
    out = np.full(len(bars), np.nan)
    for bar in range(n, len(bars)):
        below, above, before = middle[bar] - width[bar], middle[bar] + width[bar], bars.close[bar - 1]
        lower = below if bar == n else max(below, lower) if before >= lower else below
        upper = above if bar == n else min(above, upper) if before <= upper else above
        if up and bars.close[bar] < lower:
            up = False
        elif not up and bars.close[bar] > upper:
            up = True
        out[bar] = lower if up else upper
    return out


def obv(bars: Bars) -> Floats:
    """The on-balance volume."""
    sides = np.concatenate(([1.0], np.sign(np.diff(bars.close))))
    return np.cumsum(sides * bars.volume)


def since(held: Flags) -> Floats:
    """How many bars ago the condition last held."""
    times = [np.flatnonzero(held[: bar + 1]) for bar in range(len(held))]
    return np.array([bar - then[-1] if len(then) else np.nan for bar, then in enumerate(times)])


def when(held: Flags, x: Floats, k: int) -> Floats:
    """x on the k-th bar before the last on which the condition held."""
    times = [np.flatnonzero(held[: bar + 1]) for bar in range(len(held))]
    return np.array([x[then[-1 - k]] if len(then) > k else np.nan for then in times])


def rising(x: Floats, n: int) -> Flags:
    """Whether x is above each of the n values before it."""
    return np.array([bar >= n and bool((x[bar] > x[bar - n : bar]).all()) for bar in range(len(x))])

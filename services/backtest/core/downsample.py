"""Fewer points of a curve, so chosen that it looks the same: its ends, and the highest and lowest between them."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Ints


def downsample(values: Floats, points: int) -> Ints:
    """Return the indices, rising, of at most `points` (2 or more) of `values`, shape (n,).

    All of them when there are no more. Else the first, the last, and of each of (points - 2) // 2 equal stretches
    between them its highest and its lowest; with 4 points or more the extremes of the whole are among them.
    """
    last = len(values) - 1
    if last < points:
        return np.arange(len(values))
    stretches = (points - 2) // 2
    if stretches == 0:
        return np.array([0, last])
    inner = values[1:last]
    size = -(-len(inner) // stretches)
    # The last stretch may be short: it is filled up with its last value, which argmax and argmin find no second time.
    padded = np.pad(inner, (0, -len(inner) % size), mode="edge").reshape(-1, size)
    starts = 1 + size * np.arange(len(padded))
    extremes = np.concatenate([starts + padded.argmax(axis=1), starts + padded.argmin(axis=1)])
    return np.unique(np.concatenate([[0], extremes, [last]]))

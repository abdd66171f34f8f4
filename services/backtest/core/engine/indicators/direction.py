"""The true range, and the directional moves: how far a bar reaches beyond the one before."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel


@kernel
def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """max(high, close[1]) - min(low, close[1]); the first value comes on bar 1.

    Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978), as TA-Lib's TRANGE.
    """
    out = np.full(len(high), np.nan)
    for bar in range(1, len(high)):
        before = close[bar - 1]
        out[bar] = max(high[bar], before) - min(low[bar], before)
    return out


@kernel
def plus_move(high: Floats, low: Floats) -> Floats:
    """The rise of the high where it is above the fall of the low and above 0, else 0; the first comes on bar 1.

    Source: Wilder (1978), as TA-Lib's PLUS_DM of one bar.
    """
    out = np.full(len(high), np.nan)
    for bar in range(1, len(high)):
        out[bar] = _greater(high[bar] - high[bar - 1], low[bar - 1] - low[bar])
    return out


@kernel
def minus_move(high: Floats, low: Floats) -> Floats:
    """The fall of the low where it is above the rise of the high and above 0, else 0; the first comes on bar 1.

    Source: Wilder (1978), as TA-Lib's MINUS_DM of one bar.
    """
    out = np.full(len(high), np.nan)
    for bar in range(1, len(high)):
        out[bar] = _greater(low[bar - 1] - low[bar], high[bar] - high[bar - 1])
    return out


@kernel
def _greater(move: float, other: float) -> float:
    if np.isnan(move) or np.isnan(other):
        return np.nan
    return move if move > max(other, 0.0) else 0.0

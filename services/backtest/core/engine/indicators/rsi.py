"""The relative strength index."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel


@kernel
def rsi(x: Floats, n: int) -> Floats:
    """100 * gain / (gain + loss), both averaged by Wilder's rule; the first value comes on bar n.

    The averages start as the plain mean of the first n moves, then each is (old * (n - 1) + new) / n.
    Source: J. W. Wilder, "New Concepts in Technical Trading Systems" (1978), as TA-Lib's RSI, except that without a
    single move there is no value, where TA-Lib says 0. A missing bar is passed over.
    """
    out = np.full(len(x), np.nan)
    gain, loss = 0.0, 0.0
    before = np.nan
    moves = 0
    for bar in range(len(x)):
        if np.isnan(x[bar]):
            continue
        move = x[bar] - before
        before = x[bar]
        if np.isnan(move):
            continue
        moves += 1
        old = n - 1 if moves > n else 1
        gain = gain * old + max(move, 0.0)
        loss = loss * old + max(-move, 0.0)
        if moves >= n:
            gain /= n
            loss /= n
            if gain + loss > 0.0:
                out[bar] = 100.0 * gain / (gain + loss)
    return out

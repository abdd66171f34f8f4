"""What was traded on the way up and on the way down."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel

ROUNDING = 1e-14


@kernel
def balance(close: Floats, volume: Floats) -> Floats:
    """The volume so far, added on a higher close and taken off on a lower one; it starts at the first bar's volume.

    Source: J. Granville, "New Key to Stock Market Profits" (1963), as TA-Lib's OBV. A bar with a missing value has no
    balance and is passed over.
    """
    out = np.full(len(close), np.nan)
    total = 0.0
    before = -np.inf
    for bar in range(len(close)):
        if np.isnan(close[bar]) or np.isnan(volume[bar]):
            continue
        if close[bar] > before:
            total += volume[bar]
        elif close[bar] < before:
            total -= volume[bar]
        before = close[bar]
        out[bar] = total
    return out


@kernel
def flow(price: Floats, volume: Floats) -> Floats:
    """price * volume, below 0 where the price has fallen, 0 where it has not moved; the first value comes on bar 1.

    Typical prices that are equal may differ by a rounding, so a move within 1e-14 of the sum of the two is none.
    Source: G. Quong and A. Soudack, "Volume-weighted RSI: money flow" (1989), as in TA-Lib's MFI.
    """
    out = np.full(len(price), np.nan)
    for bar in range(1, len(price)):
        move = price[bar] - price[bar - 1]
        side = 0.0 if abs(move) <= ROUNDING * (price[bar] + price[bar - 1]) else np.sign(move)
        out[bar] = side * price[bar] * volume[bar]
    return out

"""The line of the supertrend."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel


@kernel
def trailing_line(middle: Floats, close: Floats, width: Floats, k: float) -> Floats:
    """The lower band in an uptrend, the upper band in a downtrend; bands are k widths from the middle of the bar.

    The lower band is never lowered while the close before was above it, the upper never raised while it was below. The
    trend turns when the close passes the line; the first is up. A bar with a missing value has no line and is passed
    over. Source: O. Seban's supertrend (2008), as TA-Lib's SUPERTREND; Pine's `ta.supertrend` starts with down.
    """
    out = np.full(len(middle), np.nan)
    upper, lower = np.inf, -np.inf
    before = np.nan
    up = True
    for bar in range(len(middle)):
        if np.isnan(middle[bar] + close[bar] + width[bar]):
            continue
        above, below = middle[bar] + k * width[bar], middle[bar] - k * width[bar]
        upper = above if above < upper or before > upper else upper
        lower = below if below > lower or before < lower else lower
        up = close[bar] >= lower if up else close[bar] > upper
        out[bar] = lower if up else upper
        before = close[bar]
    return out

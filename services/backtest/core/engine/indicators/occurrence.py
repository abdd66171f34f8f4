"""When a condition last held, and what a series was then."""

import numpy as np

from services.backtest.core.engine.dtypes import Flags, Floats
from services.backtest.core.engine.jit import kernel


@kernel
def barssince(condition: Flags) -> Floats:
    """How many bars ago the condition last held, missing until it has. Source: Pine's `ta.barssince`."""
    out = np.full(len(condition), np.nan)
    since = np.nan
    for bar in range(len(condition)):
        since = 0.0 if condition[bar] else since + 1.0
        out[bar] = since
    return out


@kernel
def valuewhen(condition: Flags, x: Floats, k: int) -> Floats:
    """x on the bar where the condition held for the k-th time before its last, missing until it has.

    Source: Pine's `ta.valuewhen`; an occurrence with a missing x counts.
    """
    out = np.empty(len(x))
    kept = np.full(k + 1, np.nan)
    times = 0
    for bar in range(len(x)):
        if condition[bar]:
            kept[times % (k + 1)] = x[bar]
            times += 1
        out[bar] = kept[times % (k + 1)]
    return out

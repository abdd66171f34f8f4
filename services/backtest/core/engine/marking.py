"""Marking: the equity at each close over a stretch of bars in which the account does not change."""

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import inlined


@inlined
def mark(equity: Floats, closes: Floats, start: int, stop: int, cash: float, quantity: float) -> int:
    """Write the equity of the bars from `start` up to but without `stop`.

    Returns the first bar on which the equity is not above 0, or -1. The loop has no way out but its end, which is
    what lets the compiler take several bars at once.
    """
    marked, prices, gone = equity[start:stop], closes[start:stop], 0
    for bar in range(len(marked)):
        value = cash + quantity * prices[bar]
        marked[bar] = value
        gone += not value > 0.0
    if gone > 0:
        for bar in range(len(marked)):
            if not marked[bar] > 0.0:
                return start + bar
    return -1

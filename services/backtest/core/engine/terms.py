"""Terms: the numbers a strategy gives along with an order, as of the bar that decided it."""

import math

from services.backtest.core.engine.dtypes import Floats, Terms
from services.backtest.core.engine.jit import inlined


@inlined
def terms_at(stop_loss: Floats, take_profit: Floats, trailing_stop: Floats, volatility: Floats, bar: int) -> Terms:
    """The terms on `bar`; each array is one of Orders."""
    return Terms(read(stop_loss, bar), read(take_profit, bar), read(trailing_stop, bar), read(volatility, bar))


@inlined
def read(numbers: Floats, bar: int) -> float:
    """What a series, or a single number in its place, says on `bar`; infinite for none."""
    if len(numbers) == 0:
        return math.inf
    number: float = numbers[bar if len(numbers) > 1 else 0]
    return number

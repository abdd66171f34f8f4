"""Sizing: how many units an entry buys or sells."""

import math

from services.backtest.core.engine.dtypes import Rules
from services.backtest.core.engine.jit import kernel


@kernel
def percent_equity(rules: Rules, equity: float, price: float) -> float:
    """The units that `fraction` of `equity` pays for, fees included; 0 when it does not reach for a single lot."""
    budget = rules.fraction * equity - rules.fee_fixed
    return whole_lots(rules, budget / (price * (1.0 + rules.fee_rate)))


@kernel
def whole_lots(rules: Rules, quantity: float) -> float:
    """`quantity` without the part that does not fill a lot, and never below 0."""
    if quantity <= 0.0:
        return 0.0
    if rules.lot_size == 0.0:
        return quantity
    return math.floor(quantity / rules.lot_size) * rules.lot_size

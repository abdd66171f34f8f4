"""Costs: what a fill takes in fees."""

from services.backtest.core.engine.dtypes import Rules
from services.backtest.core.engine.jit import inlined


@inlined
def fee_of(rules: Rules, quantity: float, price: float) -> float:
    """The fee of filling `quantity` (either sign) at `price`: a share of its worth, and a fixed sum."""
    return abs(quantity) * price * rules.fee_rate + rules.fee_fixed

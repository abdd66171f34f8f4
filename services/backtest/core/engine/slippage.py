"""Slippage: a market or a stop order is filled at a price worse than the market's. A limit order never is."""

from services.backtest.core.engine.dtypes import Rules
from services.backtest.core.engine.jit import inlined


@inlined
def slipped(rules: Rules, quantity: float, price: float) -> float:
    """The price at which `quantity` is filled, bought when above 0 and sold when below."""
    return price * (1.0 + rules.slippage) if quantity > 0.0 else price * (1.0 - rules.slippage)

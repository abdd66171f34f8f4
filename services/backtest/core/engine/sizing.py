"""Sizing: how many units an entry buys or sells."""

import math

import numpy as np

from services.backtest.core.engine.costs import fee_of
from services.backtest.core.engine.dtypes import Rules, SizeMethod
from services.backtest.core.engine.jit import inlined
from services.backtest.core.engine.slippage import slipped

PERCENT_EQUITY, VOLATILITY_TARGET = SizeMethod.PERCENT_EQUITY.value, SizeMethod.VOLATILITY_TARGET.value
FIXED_QUANTITY, FIXED_VALUE = SizeMethod.FIXED_QUANTITY.value, SizeMethod.FIXED_VALUE.value

ROUNDING = 1e-12
"""The share of a size, or of what it costs, that is no more than rounding."""


@inlined
def units(rules: Rules, side: float, equity: float, price: float, volatility: float) -> float:
    """The units of an entry on `side` (1 or -1) to be filled at `price` before slippage.

    0 when it does not come to a single lot, or the equity does not pay the fixed fee.
    """
    if rules.size_method == FIXED_QUANTITY:
        return whole_lots(rules, rules.size)
    if rules.size_method == FIXED_VALUE:
        return whole_lots(rules, rules.size / slipped(rules, side, price))
    fraction = rules.size
    if rules.size_method == VOLATILITY_TARGET:
        fraction = min(1.0, rules.size / volatility)
    return whole_lots(rules, affordable(rules, fraction * equity, price))


@inlined
def affordable(rules: Rules, money: float, price: float) -> float:
    """The units that `money` pays for, slippage and fees included, reckoned alike on both sides."""
    return (money - rules.fee_fixed) / (price * (1.0 + rules.slippage) * (1.0 + rules.fee_rate))


@inlined
def whole_lots(rules: Rules, quantity: float) -> float:
    """`quantity` without the part that does not fill a lot; 0 for what is not a number above 0.

    What fills a lot but for a rounding fills it: 0.3 units are three lots of 0.1, though 0.3 / 0.1 is less than 3.
    """
    if not 0.0 < quantity < math.inf:
        return 0.0
    # Without a lot size, and where there are more lots than a number counts, any quantity will do.
    lots = quantity / rules.lot_size if rules.lot_size > 0.0 else math.inf
    if lots == math.inf:
        return quantity
    nearest: float = np.floor(lots + 0.5)
    if nearest - lots <= ROUNDING * lots:
        return nearest * rules.lot_size
    return (nearest - 1.0) * rules.lot_size


@inlined
def too_dear(rules: Rules, quantity: float, price: float, equity: float) -> bool:
    """Whether a size that does not follow from the equity is more than it pays for, filled at `price`.

    All of the equity is not more than it, whatever dividing it by the price and multiplying again makes of it.
    """
    follows = rules.size_method in (PERCENT_EQUITY, VOLATILITY_TARGET)
    return not follows and quantity * price + fee_of(rules, quantity, price) > equity * (1.0 + ROUNDING)

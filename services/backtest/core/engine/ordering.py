"""From a strategy and its bars to what it asks for on each of them."""

from collections.abc import Callable

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Floats, Orders, Signal
from services.backtest.core.engine.evaluate import evaluate, go_on
from services.backtest.core.engine.operators import Value
from services.backtest.core.language.bind import BoundStrategy


def orders_of(
    strategy: BoundStrategy, bars: Bars, sides: tuple[str, ...], between: Callable[[], None] = go_on
) -> Orders:
    """The rules of `sides` (`long`, `short`) as signals, and the terms; each distinct part is computed once.

    `between` is called before each part.
    """
    rules = {rule: position for rule, position in strategy.rules.items() if rule.endswith(sides)}
    values = evaluate(strategy.nodes, {*rules.values(), *strategy.terms.values()}, bars, between)
    signals = np.zeros(len(bars), np.uint8)
    for rule, position in rules.items():
        signals |= np.multiply(values[position], np.uint8(Signal[rule.upper()]), dtype=np.uint8)
    signals.flags.writeable = False
    given = {term: _column(values[position]) for term, position in strategy.terms.items()}
    absent = _column(())
    return Orders(
        signals,
        given.get("stop_loss", absent),
        given.get("take_profit", absent),
        given.get("trailing_stop", absent),
        given.get("volatility", absent),
    )


def _column(value: Value | tuple[()]) -> Floats:
    column = np.atleast_1d(np.asarray(value, np.float64))
    column.flags.writeable = False
    return column

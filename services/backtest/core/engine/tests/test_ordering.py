"""From a strategy and its bars to what it asks for."""

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Signal
from services.backtest.core.engine.ordering import orders_of
from services.backtest.core.language import check_spec

CLOSE = np.array([4.0, 2.0, 3.0, 5.0, 1.0, 6.0])
BARS = Bars(np.arange(6) * 10**9, CLOSE + 1.0, CLOSE + 2.0, CLOSE - 0.5, CLOSE, np.ones(6))
BOTH = ("long", "short")


def test_signals_are_the_rules_that_hold() -> None:
    """Each rule has its bit, and a rule of a side that does not trade has none."""
    strategy = check_spec({"entry_long": "close > 3", "exit_long": "close < 3", "entry_short": "close < 2"}).bind()
    long, leave, short = Signal.ENTRY_LONG, Signal.EXIT_LONG, Signal.ENTRY_SHORT
    expected = {
        BOTH: [long, leave, 0, long, leave | short, long],
        ("long",): [long, leave, 0, long, leave, long],
        ("short",): [0, 0, 0, 0, short, 0],
    }
    for sides, signals in expected.items():
        np.testing.assert_array_equal(orders_of(strategy, BARS, sides).signals, signals)


def test_a_rule_that_is_the_same_on_every_bar_holds_on_every_bar() -> None:
    """`true` is a strategy that is always in."""
    np.testing.assert_array_equal(orders_of(check_spec({"entry_long": "true"}).bind(), BARS, BOTH).signals, [1] * 6)


def test_terms_are_one_number_or_one_for_each_bar() -> None:
    """What is not asked for is empty; nothing of it can be changed."""
    document = {
        "entry_long": "true",
        "stop_loss": 0.1,
        "trailing_stop": "1 / close",
        "sizing": {"method": "volatility_target", "value": 0.2, "window": 2},
    }
    orders = orders_of(check_spec(document).bind(), BARS, BOTH)
    assert orders.stop_loss.tolist() == [0.1]
    assert orders.take_profit.tolist() == []
    np.testing.assert_array_equal(orders.trailing_stop, 1 / CLOSE)
    returns = CLOSE[1:] / CLOSE[:-1] - 1
    deviations = [np.std(returns[bar : bar + 2], ddof=1) for bar in range(4)]
    np.testing.assert_allclose(orders.volatility, [np.nan, np.nan, *deviations])
    assert not any(array.flags.writeable for array in orders)

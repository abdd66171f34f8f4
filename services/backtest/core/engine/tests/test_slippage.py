"""Slippage: market and stop orders are filled at worse prices, limit orders are not."""

import pytest

from services.backtest.core.engine.tests.executions import EL, ES, XL, XS, execute


def test_buying_costs_more_and_selling_brings_less() -> None:
    """A long is bought above the open and sold below it, a short the other way round."""
    long = execute([10.0, 10.0, 20.0], [EL, XL, 0], slippage=0.1)
    assert long.trades("quantity", "entry_price", "exit_price") == [(pytest.approx(100 / 11), pytest.approx(11), 18)]
    assert long.outcome.slippage == pytest.approx(100 / 11 * (1 + 2))
    short = execute([10.0, 10.0, 5.0], [ES, XS, 0], slippage=0.1)
    assert short.trades("quantity", "entry_price", "exit_price") == [(pytest.approx(100 / 11), 9, pytest.approx(5.5))]
    assert short.outcome.slippage == pytest.approx(100 / 11 * (1 + 0.5))


def test_a_stop_slips_and_a_target_does_not() -> None:
    """From the stop's level downwards, and at the target's level to the cent."""
    stopped = execute([10.0, 10.0, (10, 10, 7, 8)], [EL, 0, 0], slippage=0.1, stop_loss=0.2)
    assert stopped.trades("exit_price", "exit_reason") == [(pytest.approx(11 * 0.8 * 0.9), "STOP_LOSS")]
    reached = execute([10.0, 10.0, (10, 20, 10, 15)], [EL, 0, 0], slippage=0.1, take_profit=0.2)
    assert reached.trades("exit_price", "exit_reason") == [(pytest.approx(11 * 1.2), "TAKE_PROFIT")]
    assert reached.outcome.slippage == pytest.approx(100 / 11)

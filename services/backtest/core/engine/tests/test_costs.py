"""Costs: fees of each fill."""

import pytest

from services.backtest.core.engine.tests.executions import EL, ES, XL, XS, execute


def test_fees_are_paid_on_both_sides_of_a_trade() -> None:
    """A share of what is bought and of what is sold, and a fixed sum each time."""
    done = execute([10.0, 10.0, 20.0], [EL, XL, 0], fee_rate=0.01, fee_fixed=2.0)
    quantity = (100 - 2) / (10 * 1.01)
    fees = quantity * 10 * 0.01 + 2 + quantity * 20 * 0.01 + 2
    money = (pytest.approx(quantity), pytest.approx(fees), pytest.approx(quantity * 10 - fees))
    assert done.trades("quantity", "fees", "pnl") == [money]
    assert done.equity[-1] == pytest.approx(100 + quantity * 10 - fees)
    assert done.outcome.traded == pytest.approx(quantity * 30)


def test_a_short_pays_the_same_fees() -> None:
    """Selling first and buying back later."""
    done = execute([10.0, 10.0, 5.0], [ES, XS, 0], fee_rate=0.01, fee_fixed=2.0)
    quantity = (100 - 2) / (10 * 1.01)
    fees = quantity * 15 * 0.01 + 4
    assert done.trades("fees", "pnl") == [(pytest.approx(fees), pytest.approx(quantity * 5 - fees))]
    assert done.equity[-1] == pytest.approx(100 + quantity * 5 - fees)

"""Sizing: how many units an entry takes, and when it takes none."""

from typing import Any

import numpy as np
import pytest

from services.backtest.core.engine.dtypes import SizeMethod
from services.backtest.core.engine.sizing import units
from services.backtest.core.engine.tests.executions import EL, ES, FREE, execute

QUANTITY, VALUE, TARGET = (SizeMethod[name].value for name in ("FIXED_QUANTITY", "FIXED_VALUE", "VOLATILITY_TARGET"))


@pytest.mark.parametrize(
    ("rules", "quantity"),
    [
        ({}, 10.0),
        ({"size": 0.5}, 5.0),
        ({"fee_rate": 0.25}, 8.0),
        ({"slippage": 0.25}, 8.0),
        ({"fee_rate": 0.25, "slippage": 0.6}, 5.0),
        ({"fee_fixed": 5.0}, 9.5),
        ({"size": 0.5, "fee_fixed": 5.0}, 4.5),
        ({"fee_fixed": 5.0, "lot_size": 1.0}, 9.0),
        ({"fee_fixed": 5.0, "lot_size": 4.0}, 8.0),
        ({"lot_size": 11.0}, 0.0),
        ({"fee_fixed": 200.0}, 0.0),
    ],
)
@pytest.mark.parametrize("side", [1.0, -1.0])
def test_the_share_of_equity_pays_for_slippage_and_fees(rules: dict[str, Any], quantity: float, side: float) -> None:
    """(f * equity - fixed fee) / (price * (1 + slippage) * (1 + fee)) on both sides, in whole lots, never below 0."""
    assert units(FREE._replace(**rules), side, 100.0, 10.0, 0.0) == pytest.approx(quantity)


def test_a_fixed_quantity_is_what_it_says() -> None:
    """Whatever the equity, in whole lots."""
    rules = FREE._replace(size_method=QUANTITY, size=7.5)
    assert units(rules, 1.0, 100.0, 10.0, 0.0) == 7.5
    assert units(rules._replace(lot_size=2.0), 1.0, 100.0, 10.0, 0.0) == 6.0


@pytest.mark.parametrize(("lot", "quantity"), [(1e-8, 3e12), (1e-300, 3e12), (5e-324, 3e12), (1e13, 0.0)])
def test_lots_may_be_very_many(lot: float, quantity: float) -> None:
    """A quantity of more lots than a 64-bit integer counts, or any number, is the quantity nevertheless."""
    rules = FREE._replace(size_method=QUANTITY, size=3e12, lot_size=lot)
    assert units(rules, 1.0, 100.0, 10.0, 0.0) == pytest.approx(quantity)


@pytest.mark.parametrize(("side", "filled"), [(1.0, 12.5), (-1.0, 7.5)])
def test_a_fixed_value_is_worth_it_at_the_price_it_is_filled_at(side: float, filled: float) -> None:
    """Slippage included, fees not."""
    rules = FREE._replace(size_method=VALUE, size=75.0, slippage=0.25, fee_rate=0.1)
    assert units(rules, side, 100.0, 10.0, 0.0) == pytest.approx(75 / filled)


@pytest.mark.parametrize(("volatility", "quantity"), [(0.02, 5.0), (0.04, 2.5), (0.005, 10.0), (0.0, 10.0)])
def test_a_volatility_target_takes_less_of_what_moves_more(volatility: float, quantity: float) -> None:
    """The share is target over volatility, at most all."""
    assert units(FREE._replace(size_method=TARGET, size=0.01), 1.0, 100.0, 10.0, volatility) == pytest.approx(quantity)


def test_the_volatility_is_that_of_the_bar_that_decides() -> None:
    """Not of the one that fills."""
    done = execute([10.0] * 4, [0, EL, 0, 0], size_method=TARGET, size=0.01, volatility=[0.01, 0.04, 0.02, 0.01])
    assert done.trades("quantity") == [(2.5,)]


def test_an_entry_that_does_not_reach_for_a_lot_is_counted() -> None:
    """It is not filled, and tried again at the next signal."""
    done = execute([10.0, 200.0, 100.0, 100.0], [EL, EL, 0, 0], lot_size=1.0)
    assert done.outcome.too_small == 1
    assert done.trades("entry_bar", "quantity") == [(2, 1)]


@pytest.mark.parametrize("signal", [EL, ES])
def test_a_fixed_size_that_the_equity_does_not_pay_is_counted(signal: int) -> None:
    """Worth and fees together may be all of the equity and no more, on both sides."""
    whole = execute([10.0] * 3, [signal, 0, 0], size_method=QUANTITY, size=9.0, fee_fixed=10.0)
    assert (whole.outcome.too_dear, whole.outcome.trades) == (0, 1)
    more = execute([10.0] * 3, [signal, 0, 0], size_method=QUANTITY, size=9.0, fee_fixed=10.01)
    assert (more.outcome.too_dear, more.outcome.trades) == (1, 0)


@pytest.mark.parametrize(("units_", "lot"), [(0.3, 0.1), (0.29, 0.01), (2.3, 0.1), (7.0, 7.0), (50.0, 1e-18)])
def test_what_is_whole_lots_but_for_rounding_is_whole_lots(units_: float, lot: float) -> None:
    """0.3 / 0.1 is a little less than 3, and 50 units are more of the smallest lots than a whole number can count."""
    rules = FREE._replace(size_method=QUANTITY, size=units_, lot_size=lot)
    assert units(rules, 1.0, 100.0, 10.0, 0.0) == pytest.approx(units_, rel=1e-12)
    less = rules._replace(size=units_ * (1.0 - 1e-9))
    assert units(less, 1.0, 100.0, 10.0, 0.0) == pytest.approx(units_ - lot, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("signal", [EL, ES])
def test_all_of_the_equity_can_be_asked_for(signal: int) -> None:
    """As money or as units, at any price: what rounding adds to the cost refuses nothing."""
    for price in np.arange(1901, 2001) / 100:
        money = execute([price] * 3, [signal, 0, 0], size_method=VALUE, size=100.0)
        held = execute([price] * 3, [signal, 0, 0], size_method=QUANTITY, size=100.0 / price)
        assert (money.outcome.trades, held.outcome.trades) == (1, 1)


def test_a_size_beyond_all_numbers_is_none() -> None:
    """At a price so small that the units overflow nothing is bought."""
    assert units(FREE, 1.0, 1e15, 1e-300, 0.0) == 0.0

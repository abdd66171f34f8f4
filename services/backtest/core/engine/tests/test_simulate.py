"""From decisions to fills, marks and the end of a run."""

from typing import Any

import numpy as np
import pytest

from services.backtest.core.engine.tests.executions import EL, ES, XL, XS, execute


def test_a_decision_is_filled_at_the_next_open() -> None:
    """Bought at the open after the entry, sold at the open after the exit, marked at each close."""
    done = execute([(10, 10, 10, 10), (20, 22, 20, 22), (25, 30, 25, 30), (50, 55, 50, 55)], [EL, 0, XL, 0])
    assert done.equity == [100, 110, 150, 250]
    assert done.book.position.tolist() == [0, 5, 5, 0]
    names = ("side", "quantity", "entry_bar", "entry_price", "exit_bar", "exit_price", "pnl", "exit_reason", "status")
    assert done.trades(*names) == [(1, 5, 1, 20, 3, 50, 150, "SIGNAL", 1)]


def test_a_decision_can_be_filled_at_its_own_close() -> None:
    """Bought and sold at the closes that decided it, with the costs booked on those bars."""
    done = execute([(9, 10, 9, 10), (20, 22, 20, 20), (25, 40, 25, 30)], [EL, XL, 0], at_close=True, fee_fixed=1.0)
    assert done.equity == pytest.approx([99, 9.9 * 20 - 1, 9.9 * 20 - 1])
    assert done.book.position.tolist() == [9.9, 0, 0]
    assert done.trades("entry_bar", "entry_price", "exit_bar", "exit_price") == [(0, 10, 1, 20)]


def test_nothing_is_decided_before_its_bar() -> None:
    """Signals before the first decision are not looked at."""
    assert execute([10.0] * 4, [EL, 0, EL, 0], start=1).trades("entry_bar") == [(3,)]
    assert execute([10.0] * 4, [EL, 0, EL, 0], start=1, at_close=True).trades("entry_bar") == [(2,)]


@pytest.mark.parametrize("at_close", [False, True])
def test_the_last_signal_never_fills(at_close: bool) -> None:
    """An entry on the last bar opens nothing, an exit there closes nothing."""
    assert execute([10.0, 10.0], [0, EL], at_close=at_close).outcome.trades == 0
    done = execute([10.0, 10.0, 12.0], [EL, 0, XL], at_close=at_close)
    assert done.trades("exit_bar", "exit_price", "pnl", "exit_reason", "status") == [(2, 12, 20, "OPEN", 0)]


def test_an_open_trade_is_marked_without_the_costs_of_leaving() -> None:
    """Its profit is the last equity less the cash it began with: the entry is paid, the exit is not."""
    done = execute([10.0, (10, 11, 10, 11)], [EL, 0], fee_fixed=1.0)
    assert done.trades("pnl", "fees") == [(pytest.approx(8.9), 1.0)]
    assert done.equity[-1] == pytest.approx(108.9)


@pytest.mark.parametrize("at_close", [False, True])
def test_what_is_held_can_be_closed_at_the_end(at_close: bool) -> None:
    """At the last close, with slippage and fees, for the reason `end`, and the last equity is what is left."""
    done = execute([10.0, 10.0, 12.0], [EL, 0, 0], close_at_end=True, at_close=at_close, fee_fixed=1.0, slippage=0.1)
    quantity = 99 / 11
    assert done.trades("exit_bar", "exit_price", "exit_reason", "status") == [(2, pytest.approx(10.8), "END", 1)]
    assert done.equity[-1] == pytest.approx(quantity * 10.8 - 1)
    assert done.book.position[-1] == 0


def test_what_was_sold_before_the_end_is_not_sold_there() -> None:
    """A run that ends flat has nothing to close."""
    done = execute([10.0, 10.0, 12.0, 12.0], [EL, XL, 0, 0], close_at_end=True)
    assert done.trades("exit_reason") == [("SIGNAL",)]


@pytest.mark.parametrize("at_close", [False, True])
def test_a_reversal_is_one_fill_each_way_at_one_price(at_close: bool) -> None:
    """Both fills are at the same price and pay their own fees, and the new size is of what is left."""
    bars = [10.0, 12.0, 9.0, 9.0] if at_close else [10.0, 10.0, 12.0, 9.0]
    done = execute(bars, [EL, ES, 0, 0], fee_fixed=1.0, at_close=at_close)
    after, first = 9.9 * 12 - 1, 0 if at_close else 1
    assert done.trades("side", "quantity", "entry_bar", "exit_bar", "exit_reason") == [
        (1, 9.9, first, first + 1, "REVERSE"),
        (-1, pytest.approx((after - 1) / 12), first + 1, 3, "OPEN"),
    ]
    assert done.equity[-1] == pytest.approx(after - 1 + (after - 1) / 12 * 3)


def test_a_run_of_one_bar_does_nothing() -> None:
    """There is no later bar to fill on."""
    assert execute([10.0], [EL]).equity == [100.0]


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_very_small_and_very_large_prices_are_prices(scale: float) -> None:
    """Money does not depend on the unit of the price."""
    prices = np.array([10.0, 11.0, 9.0, 12.0, 10.0, 8.0, 9.0])
    signals = [EL, 0, ES, 0, XS, EL, 0]
    costs: dict[str, Any] = {"fee_rate": 0.001, "slippage": 0.001, "stop_loss": 0.15, "trailing_stop": 0.2}
    usual, scaled = (execute(list(prices * by), signals, **costs) for by in (1.0, scale))
    np.testing.assert_allclose(scaled.equity, usual.equity, rtol=1e-12)
    assert len(scaled.trades("pnl")) == 3

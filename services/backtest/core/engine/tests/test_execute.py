"""Executing signals: orders, fills, costs, sizing, ruin, the end."""

from typing import Any

import numpy as np
import pytest

from services.backtest.core.engine.dtypes import ExitReason, Order, Rules, Signal, Status
from services.backtest.core.engine.execute import Run, execute
from services.backtest.core.engine.orders import decide
from services.backtest.core.engine.sizing import percent_equity

EL, XL, ES, XS = (signal.value for signal in Signal)
HOLD, EXIT, LONG, SHORT = (order.value for order in Order)


def _run(opens: list[float], closes: list[float], signals: list[int], start: int = 0, **rules: float) -> Run:
    chosen = {"initial_cash": 100.0, "fraction": 1.0, "fee_rate": 0.0, "fee_fixed": 0.0, "lot_size": 0.0, **rules}
    arrays = (np.array(opens, np.float64), np.array(closes, np.float64), np.array(signals, np.uint8))
    for array in arrays:
        array.flags.writeable = False
    return execute(*arrays, start, Rules(**chosen))


def _trades(run: Run, *names: str) -> list[tuple[Any, ...]]:
    return [tuple(trade[name].item() for name in names) for trade in run.trades]


@pytest.mark.parametrize(
    ("signals", "flat", "long", "short"),
    [
        (0, HOLD, HOLD, HOLD),
        (EL, LONG, HOLD, LONG),
        (ES, SHORT, SHORT, HOLD),
        (XL, HOLD, EXIT, HOLD),
        (XS, HOLD, HOLD, EXIT),
        (EL | XL, LONG, HOLD, LONG),
        (ES | XL, SHORT, SHORT, HOLD),
        (EL | XS, LONG, HOLD, LONG),
        (EL | ES, HOLD, HOLD, HOLD),
        (EL | ES | XL | XS, HOLD, EXIT, EXIT),
    ],
)
def test_what_is_ordered(signals: int, flat: int, long: int, short: int) -> None:
    """Entry beats exit, an opposite entry reverses, a repeated one is ignored, and two at once cancel out."""
    assert [decide(signals, quantity) for quantity in (0.0, 2.0, -2.0)] == [flat, long, short]


def test_a_decision_is_filled_at_the_next_open() -> None:
    """Bought at the open after the entry, sold at the open after the exit, marked at each close."""
    run = _run([10, 20, 25, 50], [10, 22, 30, 55], [EL, 0, XL, 0])
    np.testing.assert_array_equal(run.equity, [100, 110, 150, 250])
    np.testing.assert_array_equal(run.position, [0, 5, 5, 0])
    names = ("side", "quantity", "entry_bar", "entry_price", "exit_bar", "exit_price", "pnl", "exit_reason", "status")
    assert _trades(run, *names) == [(1, 5, 1, 20, 3, 50, 150, ExitReason.SIGNAL, Status.CLOSED)]


def test_nothing_is_decided_before_its_bar() -> None:
    """Signals before the first decision are not looked at."""
    run = _run([10, 10, 10, 10], [10, 10, 10, 10], [EL, 0, EL, 0], start=1)
    assert _trades(run, "entry_bar") == [(3,)]


def test_the_last_signal_never_fills() -> None:
    """An entry on the last bar opens nothing, an exit there closes nothing."""
    assert len(_run([10, 10], [10, 10], [0, EL]).trades) == 0
    run = _run([10, 10, 10], [10, 10, 12], [EL, 0, XL])
    assert _trades(run, "exit_bar", "exit_price", "pnl", "status") == [(2, 12, 20, Status.OPEN)]


def test_an_open_trade_is_marked_without_the_costs_of_leaving() -> None:
    """Its profit is the last equity less the cash it began with: the entry is paid, the exit is not."""
    run = _run([10, 10], [10, 11], [EL, 0], fee_fixed=1.0)
    assert _trades(run, "pnl", "fees", "exit_reason") == [(pytest.approx(8.9), 1.0, ExitReason.OPEN)]
    assert run.equity[-1] == pytest.approx(108.9)


def test_a_reversal_is_one_fill_each_way_at_one_price() -> None:
    """Both fills are at the same open and pay their own fees, and the new size is of what is left."""
    run = _run([10, 10, 12, 12], [10, 10, 12, 9], [EL, ES, 0, 0], fee_fixed=1.0)
    after = (99 / 10) * 12 - 1
    assert _trades(run, "side", "quantity", "entry_bar", "exit_bar", "exit_reason") == [
        (1, 9.9, 1, 2, ExitReason.REVERSE),
        (-1, pytest.approx((after - 1) / 12), 2, 3, ExitReason.OPEN),
    ]
    assert run.equity[-1] == pytest.approx(after - 1 + (after - 1) / 12 * 3)


def test_fees_are_paid_on_both_sides_of_a_trade() -> None:
    """A share of what is bought and of what is sold, and a fixed sum each time."""
    run = _run([10, 10, 20], [10, 10, 20], [EL, XL, 0], fee_rate=0.01, fee_fixed=2.0)
    quantity = (100 - 2) / (10 * 1.01)
    fees = quantity * 10 * 0.01 + 2 + quantity * 20 * 0.01 + 2
    assert _trades(run, "quantity", "fees", "pnl") == [
        (pytest.approx(quantity), pytest.approx(fees), pytest.approx(quantity * 10 - fees))
    ]
    assert run.equity[-1] == pytest.approx(100 + quantity * 10 - fees)


@pytest.mark.parametrize(
    ("rules", "quantity"),
    [
        ({}, 10.0),
        ({"fraction": 0.5}, 5.0),
        ({"fee_rate": 0.25}, 8.0),
        ({"fee_fixed": 5.0}, 9.5),
        ({"fraction": 0.5, "fee_fixed": 5.0}, 4.5),
        ({"fee_fixed": 5.0, "lot_size": 1.0}, 9.0),
        ({"fee_fixed": 5.0, "lot_size": 4.0}, 8.0),
        ({"lot_size": 11.0}, 0.0),
        ({"fee_fixed": 200.0}, 0.0),
    ],
)
def test_the_size_is_what_the_share_of_equity_pays_for(rules: dict[str, float], quantity: float) -> None:
    """(fraction * equity - fixed fee) / (price * (1 + fee)), in whole lots, never below 0."""
    chosen = {"initial_cash": 1.0, "fraction": 1.0, "fee_rate": 0.0, "fee_fixed": 0.0, "lot_size": 0.0, **rules}
    assert percent_equity(Rules(**chosen), 100.0, 10.0) == quantity


def test_an_entry_that_does_not_reach_for_a_lot_is_counted() -> None:
    """It is not filled, and tried again at the next signal."""
    run = _run([10, 200, 100, 100], [10, 200, 100, 100], [EL, EL, 0, 0], lot_size=1.0)
    assert run.unfilled == 1
    assert _trades(run, "entry_bar", "quantity") == [(2, 1)]


def test_ruin_ends_the_run_at_that_close() -> None:
    """When the equity reaches 0 the rest is liquidated with its costs, and nothing happens any more."""
    run = _run([10, 10, 10, 10], [10, 10, 25, 1], [ES, 0, 0, EL], fee_fixed=1.0)
    np.testing.assert_array_equal(run.equity, [100, 99, 0, 0])
    np.testing.assert_array_equal(run.position, [0, -9.9, 0, 0])
    assert run.ruin_bar == 2
    assert _trades(run, "side", "exit_bar", "exit_price", "pnl", "exit_reason") == [
        (-1, 2, 25, pytest.approx(-9.9 * 15 - 2), ExitReason.RUIN)
    ]


def test_leaving_with_less_than_nothing_is_ruin() -> None:
    """A gap beyond the equity before a short is bought back ends the run with no position to liquidate."""
    run = _run([10, 10, 40, 10], [10, 10, 10, 10], [ES, XS, EL, 0])
    np.testing.assert_array_equal(run.equity, [100, 100, 0, 0])
    assert (run.ruin_bar, len(run.trades)) == (2, 1)

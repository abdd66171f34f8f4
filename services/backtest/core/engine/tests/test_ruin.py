"""Ruin: the equity is used up."""

import pytest

from services.backtest.core.engine.tests.executions import EL, ES, XL, XS, execute


def test_ruin_ends_the_run_at_that_close() -> None:
    """When the equity reaches 0 the rest is liquidated with its costs, and nothing happens any more."""
    done = execute([10.0, 10.0, (10, 25, 10, 25), (10, 10, 1, 1)], [ES, 0, 0, EL], fee_fixed=1.0)
    assert done.equity == [100, 99, 0, 0]
    assert done.book.position.tolist() == [0, -9.9, 0, 0]
    assert done.outcome.ruin_bar == 2
    names = ("side", "exit_bar", "exit_price", "pnl", "exit_reason")
    assert done.trades(*names) == [(-1, 2, 25, pytest.approx(-9.9 * 15 - 2), "RUIN")]


def test_liquidation_is_a_market_order() -> None:
    """It slips."""
    done = execute([10.0, 10.0, 25.0, 1.0], [ES, 0, 0, EL], slippage=0.1)
    assert done.trades("exit_price") == [(pytest.approx(27.5),)]


def test_leaving_with_less_than_nothing_is_ruin() -> None:
    """A gap beyond the equity before a short is bought back ends the run with no position to liquidate."""
    done = execute([10.0, 10.0, (40, 40, 10, 10), 10.0], [ES, XS, EL, 0])
    assert done.equity == [100, 100, 0, 0]
    assert (done.outcome.ruin_bar, done.outcome.trades) == (2, 1)


def test_the_costs_of_leaving_can_ruin() -> None:
    """Fees of more than what is left leave an equity of 0, never less; the trade keeps its own reason."""
    end = execute([10.0, 10.0, 4.0], [EL, 0, 0], fee_fixed=45.0, close_at_end=True)
    assert (end.equity, end.outcome.ruin_bar) == ([100, 55, 0], 2)
    assert end.trades("exit_reason", "pnl") == [("END", pytest.approx(-5.5 * 6 - 90))]
    signal = execute([10.0, 4.0, 4.0], [EL, XL, 0], fee_fixed=45.0, at_close=True)
    assert (signal.equity, signal.outcome.ruin_bar) == ([55, 0, 0], 1)
    assert signal.trades("exit_reason") == [("SIGNAL",)]


def test_an_entry_can_ruin_on_the_very_first_bar() -> None:
    """Sold so far below the market that buying back at the close costs more than there is."""
    done = execute([10.0, 10.0], [ES, 0], at_close=True, size_method=1, size=100.0, slippage=0.99)
    assert (done.equity, done.outcome.ruin_bar) == ([0, 0], 0)
    assert done.trades("entry_bar", "exit_bar", "exit_reason") == [(0, 0, "RUIN")]


def test_a_stop_can_ruin() -> None:
    """A gap far beyond the stop of a short leaves less than nothing, and nothing to liquidate."""
    done = execute([10.0, 10.0, 40.0, 10.0], [ES, 0, 0, 0], stop_loss=0.1)
    assert (done.equity, done.outcome.ruin_bar) == ([100, 100, 0, 0], 2)
    assert done.trades("exit_price", "exit_reason") == [(40, "STOP_LOSS")]


def test_nothing_is_ordered_on_the_bar_of_ruin() -> None:
    """A stop that leaves nothing is not followed by an entry at the close of its bar."""
    done = execute([10.0, 10.0, 40.0, 10.0], [ES, 0, EL, 0], stop_loss=0.1, at_close=True)
    assert (done.equity, done.outcome.ruin_bar, done.outcome.too_small) == ([100, 100, 0, 0], 2, 0)

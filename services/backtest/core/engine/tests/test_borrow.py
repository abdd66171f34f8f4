"""Borrowing: what a short pays from bar to bar."""

import pytest

from services.backtest.core.engine.tests.executions import EL, ES, XS, execute


def test_a_short_pays_for_each_bar_it_is_held_into() -> None:
    """A share of its worth at the close before, for the time that passed, also into the bar that ends it."""
    done = execute([10.0, 10.0, 20.0, 5.0], [ES, 0, XS, 0], borrow_rate=0.1, years=0.01, size=0.5)
    first, second = 5 * 10 * 0.001, 5 * 20 * 0.001
    assert done.equity == pytest.approx([100, 100, 50 - first, 125 - first - second])
    assert done.trades("fees", "pnl") == [(pytest.approx(first + second), pytest.approx(25 - first - second))]


def test_a_long_borrows_nothing() -> None:
    """Only what is sold short is lent."""
    assert execute([10.0] * 4, [EL, 0, 0, 0], borrow_rate=0.1, years=0.01).equity == [100] * 4


def test_a_short_that_is_stopped_on_its_first_bar_has_borrowed_nothing() -> None:
    """It was held into no bar."""
    done = execute([10.0, (10, 20, 10, 10), 10.0], [ES, 0, 0], borrow_rate=0.1, years=0.01, stop_loss=0.5)
    assert done.trades("fees", "exit_bar") == [(0.0, 1)]

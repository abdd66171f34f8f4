"""The trailing stop."""

import pytest

from services.backtest.core.engine.tests.executions import EL, ES, Bar, execute

FLAT: Bar = (10, 10, 10, 10)


def test_it_follows_the_best_price_once_the_bar_is_over() -> None:
    """The high of a bar raises the level for the next one, never for the bar itself."""
    bars = [FLAT, (10, 20, 10, 10), (18, 19, 17, 18), (18, 18, 15, 17)]
    done = execute(bars, [EL, 0, 0, 0], trailing_stop=0.2)
    assert done.trades("exit_bar", "exit_price", "exit_reason") == [(3, 16, "TRAILING_STOP")]


def test_for_a_short_it_follows_the_lows() -> None:
    """The level comes down with them and stays there."""
    bars = [FLAT, (10, 10, 5, 10), (5, 5.9, 5, 5.5), (5.5, 6.5, 5.5, 6)]
    done = execute(bars, [ES, 0, 0, 0], trailing_stop=0.2)
    assert done.trades("exit_bar", "exit_price", "exit_reason") == [(3, 6, "TRAILING_STOP")]


def test_it_never_goes_back() -> None:
    """A lower high leaves the level where it is."""
    bars = [FLAT, (10, 20, 10, 17), (17, 18, 16.5, 17), (17, 17, 16, 17)]
    assert execute(bars, [EL, 0, 0, 0], trailing_stop=0.2).trades("exit_bar") == [(3,)]


def test_it_begins_at_the_price_that_was_paid() -> None:
    """On the first bar it is an ordinary stop."""
    done = execute([FLAT, (10, 10, 7, 9), FLAT], [EL, 0, 0], trailing_stop=0.2)
    assert done.trades("exit_bar", "exit_price") == [(1, 8)]


def test_an_entry_at_the_close_has_not_seen_its_own_bar() -> None:
    """Neither its high nor its low count."""
    done = execute([(10, 40, 10, 10), (10, 10, 9, 10), (10, 10, 8, 9)], [EL, 0, 0], trailing_stop=0.2, at_close=True)
    assert done.trades("exit_bar", "exit_price") == [(2, 8)]


@pytest.mark.parametrize(
    ("stop_loss", "price", "reason"), [(0.1, 9, "STOP_LOSS"), (0.2, 8, "STOP_LOSS"), (0.3, 8, "TRAILING_STOP")]
)
def test_the_tighter_of_two_stops_counts(stop_loss: float, price: float, reason: str) -> None:
    """And names the exit; where they are the same it is the fixed one."""
    done = execute([FLAT, FLAT, (10, 10, 7, 9)], [EL, 0, 0], stop_loss=stop_loss, trailing_stop=0.2)
    assert done.trades("exit_price", "exit_reason") == [(price, reason)]


def test_beyond_its_level_it_fills_at_the_open() -> None:
    """A gap through the level is paid for."""
    done = execute([FLAT, (10, 20, 10, 20), (12, 13, 11, 12)], [EL, 0, 0], trailing_stop=0.2)
    assert done.trades("exit_price", "exit_reason") == [(12, "TRAILING_STOP")]

"""Stops and targets within a bar."""

import math
from typing import Any

import pytest

from services.backtest.core.engine.tests.executions import EL, ES, XL, Bar, execute

FLAT: Bar = (10, 10, 10, 10)
STOPS: dict[str, Any] = {"stop_loss": 0.2, "take_profit": 0.2}


def _mirrored(bar: Bar) -> Bar:
    """The bar as a short sees it: prices on the other side of 10, high and low exchanged."""
    start, high, low, end = (20 - price for price in bar)
    return start, low, high, end


@pytest.mark.parametrize(
    ("bar", "price", "reason"),
    [
        ((10, 11, 8, 9), 8.0, "STOP_LOSS"),
        ((10, 11, 8.01, 9), None, None),
        ((10, 12, 9, 11), 12.0, "TAKE_PROFIT"),
        ((10, 11.99, 9, 11), None, None),
        ((7, 9, 6, 8), 7.0, "STOP_LOSS"),
        ((13, 14, 11, 12), 13.0, "TAKE_PROFIT"),
        ((8, 9, 8, 9), 8.0, "STOP_LOSS"),
        ((12, 12, 11, 11), 12.0, "TAKE_PROFIT"),
    ],
)
@pytest.mark.parametrize("side", [EL, ES])
def test_what_a_bar_meets(bar: Bar, price: float | None, reason: str | None, side: int) -> None:
    """A level that is touched fills there, one that the open is beyond fills at the open, alike on both sides."""
    bar, price = (bar, price) if side == EL else (_mirrored(bar), price and 20 - price)
    done = execute([FLAT, FLAT, bar], [side, 0, 0], **STOPS)
    expected = (price, reason) if reason else (bar[3], "OPEN")
    assert done.trades("exit_price", "exit_reason") == [(pytest.approx(expected[0]), expected[1])]


@pytest.mark.parametrize(
    ("bar", "target_first", "price", "reason"),
    [
        ((10, 13, 7, 10), False, 8.0, "STOP_LOSS"),
        ((10, 13, 7, 10), True, 12.0, "TAKE_PROFIT"),
        ((7, 13, 7, 10), False, 7.0, "STOP_LOSS"),
        ((7, 13, 7, 10), True, 12.0, "TAKE_PROFIT"),
        ((13, 13, 7, 10), False, 8.0, "STOP_LOSS"),
        ((13, 13, 7, 10), True, 13.0, "TAKE_PROFIT"),
    ],
)
@pytest.mark.parametrize("side", [EL, ES])
def test_both_in_one_bar(bar: Bar, target_first: bool, price: float, reason: str, side: int) -> None:
    """The rule decides, wherever the bar opened."""
    bar, price = (bar, price) if side == EL else (_mirrored(bar), 20 - price)
    done = execute([FLAT, FLAT, bar], [side, 0, 0], target_first=target_first, **STOPS)
    assert done.trades("exit_price", "exit_reason") == [(pytest.approx(price), reason)]


def test_stops_live_from_the_bar_of_an_entry_at_the_open() -> None:
    """Bought at the open and stopped on the same bar: a trade of no bars."""
    done = execute([FLAT, (10, 10, 7, 9), FLAT], [EL, 0, 0], **STOPS)
    assert done.trades("entry_bar", "exit_bar", "exit_price") == [(1, 1, 8)]
    assert done.equity == [100, 80, 80]
    assert done.book.position.tolist() == [0, 0, 0]


def test_stops_live_from_the_bar_after_an_entry_at_the_close() -> None:
    """What the bar did before its close is over."""
    done = execute([(10, 10, 7, 10), FLAT, (9, 9, 7, 9)], [EL, 0, 0], at_close=True, **STOPS)
    assert done.trades("entry_bar", "exit_bar", "exit_price") == [(0, 2, 8)]


def test_an_order_at_the_open_comes_before_the_stops_of_its_bar() -> None:
    """What has been sold at the open cannot be stopped later in the bar."""
    done = execute([FLAT, FLAT, (10, 10, 7, 9)], [EL, XL, 0], **STOPS)
    assert done.trades("exit_price", "exit_reason") == [(10, "SIGNAL")]


@pytest.mark.parametrize(("at_close", "second"), [(False, 3), (True, 2)])
def test_a_stopped_trade_can_be_followed_by_another_at_once(at_close: bool, second: int) -> None:
    """An entry decided at the close of the bar that stopped the one before is filled like any other."""
    bars = [FLAT, FLAT, (10, 10, 7, 10), FLAT]
    done = execute(bars, [EL, EL, EL, 0], at_close=at_close, **STOPS)
    assert done.trades("entry_bar", "exit_reason") == [(0 if at_close else 1, "STOP_LOSS"), (second, "OPEN")]


def test_levels_are_fractions_of_the_price_that_was_paid() -> None:
    """Slippage included."""
    done = execute([FLAT, FLAT, (10, 10, 8.7, 9)], [EL, 0, 0], slippage=0.1, stop_loss=0.2)
    assert done.trades("exit_price") == [(pytest.approx(11 * 0.8 * 0.9),)]


def test_a_stop_is_read_on_the_bar_that_decides_and_then_fixed() -> None:
    """Neither the bar that fills nor any later one changes it."""
    done = execute([FLAT, FLAT, (10, 10, 8.5, 9), (9, 9, 7.5, 8)], [EL, 0, 0, 0], stop_loss=[0.2, 0.1, 0.01, 0.01])
    assert done.trades("exit_bar", "exit_price") == [(3, 8)]


@pytest.mark.parametrize("value", [math.nan, 0.0, -0.1])
@pytest.mark.parametrize("stop", ["stop_loss", "take_profit", "trailing_stop"])
def test_without_a_stop_above_0_there_is_no_entry(value: float, stop: str) -> None:
    """The entry is counted as not filled; of a reversal only the way out is filled."""
    given: dict[str, Any] = {stop: [value, 0.5, value, value]}
    done = execute([FLAT] * 4, [EL, EL, ES, 0], **given)
    assert done.trades("side", "entry_bar", "exit_bar", "exit_reason") == [(1, 2, 3, "REVERSE")]
    assert done.outcome.unstopped == 2


def test_a_fraction_of_1_or_more_is_never_met_by_a_fall() -> None:
    """A price does not fall to 0."""
    done = execute([FLAT, FLAT, (10, 10, 1e-9, 1e-9)], [EL, 0, 0], stop_loss=5.0, trailing_stop=1.0)
    assert done.trades("exit_reason") == [("OPEN",)]

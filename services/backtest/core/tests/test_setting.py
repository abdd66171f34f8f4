"""From bars, a request and a sizing to what the engine reads."""

import math
from weakref import ref

import numpy as np
import pytest

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import SizeMethod
from services.backtest.core.language.sizing import METHODS, Sizing
from services.backtest.core.setting import calendar_of, market_of, rules_of
from shared.contracts.values import Execution

HOUR = 3_600 * 10**9


def test_the_years_between_bars_are_those_of_the_calendar() -> None:
    """365.25 days each, whatever the gap; the first bar has none before it."""
    price = np.array([1.0, 2.0, 3.0])
    bars = Bars(np.array([0, HOUR, 4 * HOUR]), price, price, price, price, price)
    np.testing.assert_allclose(market_of(bars).years, [0, 1 / 8766, 3 / 8766], rtol=1e-12)


def test_costs_are_fractions() -> None:
    """A basis point is a ten-thousandth; without a lot size any fraction of a unit is traded."""
    execution = Execution(fee_bps=10, slippage_bps=5, borrow_bps_per_year=200, fee_fixed=3, initial_cash=50)
    rules = rules_of(execution, Sizing(), 252.0)
    assert (rules.fee_rate, rules.slippage, rules.borrow_rate) == (0.001, 0.0005, 0.02)
    assert (rules.initial_cash, rules.fee_fixed, rules.lot_size) == (50.0, 3.0, 0.0)
    assert rules_of(Execution(lot_size=2), Sizing(), 252.0).lot_size == 2.0


def test_choices_are_flags() -> None:
    """The defaults are all false."""
    usual = rules_of(Execution(), Sizing(), 252.0)
    assert (usual.at_close, usual.target_first, usual.close_at_end) == (False, False, False)
    other = rules_of(Execution(fill="close", stop_rule="target_first", close_at_end=True), Sizing(), 252.0)
    assert (other.at_close, other.target_first, other.close_at_end) == (True, True, True)


def test_every_method_of_sizing_has_its_code() -> None:
    """The names are those of the document."""
    assert [rules_of(Execution(), Sizing(method, 1.0), 252.0).size_method for method in METHODS] == list(SizeMethod)


def test_a_volatility_target_is_brought_down_to_a_bar() -> None:
    """A year's deviation is that of a bar times the root of the bars in a year; of a single bar nothing is known."""
    target = Sizing("volatility_target", 0.2, 20)
    assert rules_of(Execution(), target, 252.0).size == pytest.approx(0.2 / math.sqrt(252))
    assert math.isnan(rules_of(Execution(), target, None).size)


def test_bars_keep_their_calendar_and_no_longer_than_they_live() -> None:
    """It is worked out once for many runs on the same bars, and bars that are let go leave nothing behind."""
    price = np.array([1.0, 2.0])
    bars = Bars(np.array([0, HOUR]), price, price, price, price, price)
    kept = calendar_of(bars)
    assert calendar_of(bars) is kept
    assert kept.bars_per_year == pytest.approx(8766.0)
    assert kept.days == pytest.approx(1 / 24)
    gone = ref(bars)
    del bars
    assert gone() is None

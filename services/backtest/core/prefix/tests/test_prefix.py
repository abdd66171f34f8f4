"""The prefix test holds for what the language can say, finds functions that look ahead, and its work is bounded."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from services.backtest.core.engine import evaluate
from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.language import check_spec
from services.backtest.core.language.functions import FUNCTIONS, PUBLIC, Argument, Function, Role
from services.backtest.core.prefix import run, run_prefix_test
from services.backtest.core.tests.strategies import Strategy, trading
from shared.contracts.errors import Invalid
from shared.contracts.values import PrefixDifference
from tests.depth import examples

Register = Callable[[Callable[[Floats], Floats]], None]

SMA_CROSS: dict[str, Any] = {
    "params": {
        "fast": {"type": "int", "min": 2, "max": 50, "default": 10},
        "slow": {"type": "int", "min": 5, "max": 200, "default": 20},
    },
    "constraints": ["fast < slow"],
    "entry_long": "crossover(sma(close, fast), sma(close, slow))",
    "exit_long": "crossunder(sma(close, fast), sma(close, slow))",
}
ALL_TERMS: dict[str, Any] = {
    "params": {
        "n": {"type": "int", "min": 2, "max": 60, "default": 14},
        "k": {"type": "float", "default": 2.0},
        "fade": {"type": "bool", "default": False},
        "side": {"type": "choice", "choices": ["up", "down"], "default": "up"},
    },
    "entry_long": "(rsi(close, n) < 30 or fade) and side == 'up' or crossover(close, bb_lower(close, n, k))",
    "exit_long": "barssince(close > highest(high, n)[1]) > 3 or psar(0.02, 0.2) > close",
    "entry_short": "supertrend(n, 3) > close and mfi(n) > 50",
    "exit_short": "percentrank(close, n) < 20 or obv() > sma(obv(), n)",
    "stop_loss": "2 * atr(n) / close",
    "take_profit": "valuewhen(close > open, high / low, 1)",
    "trailing_stop": "0.1",
    "sizing": {"method": "volatility_target", "value": 0.2, "window": 20},
}


@pytest.fixture
def looking_ahead(monkeypatch: pytest.MonkeyPatch) -> Register:
    """Gives the language a function `ahead(x)` for one test; it hides no bar."""

    def register(kernel: Callable[[Floats], Floats]) -> None:
        x = Argument("x", Role.SERIES, "the series")
        function = Function("ahead", (x,), "looks ahead", "as x", "0", "no source", hidden=lambda: 0)
        for table in (FUNCTIONS, PUBLIC):
            monkeypatch.setitem(table, "ahead", function)
        monkeypatch.setitem(KERNELS, "ahead", kernel)
        monkeypatch.setitem(evaluate._LENGTHS, "ahead", (False,))

    return register


def centred(x: Floats) -> Floats:
    """The mean of three bars, the one after included."""
    out = np.full(len(x), np.nan)
    out[1:-1] = (x[:-2] + x[1:-1] + x[2:]) / 3.0
    return out


def share_of_the_highest(x: Floats) -> Floats:
    """How close each value is to the highest there will ever be."""
    return np.asarray(x / x.max(initial=-math.inf))


def to_the_end(x: Floats) -> Floats:
    """How many bars are still to come."""
    return np.arange(len(x), 0, -1, dtype=np.float64)


def next_if_many(x: Floats) -> Floats:
    """The bar after, but for short series: shortening never shows it where the cut is early."""
    out = x.copy()
    if len(x) > 200:
        out[:-1] = x[1:]
    return out


def failure_of(document: dict[str, Any]) -> PrefixDifference:
    """What the test finds, which it must."""
    found = run_prefix_test(check_spec(document)).failure
    assert found is not None
    return found


@pytest.mark.parametrize("document", [SMA_CROSS, ALL_TERMS])
def test_a_strategy_of_the_language_holds(document: dict[str, Any]) -> None:
    """Four combinations of params, twelve cuts each, and rules that come true among what is compared."""
    evidence = run_prefix_test(check_spec(document))
    assert (evidence.failure, evidence.combinations, evidence.cuts) == (None, 4, 48)
    assert evidence.bars > 4 * run.BARS_BEHIND
    assert evidence.signals > 20


@settings(deadline=None, max_examples=examples(25))
@given(trading())
def test_every_strategy_holds(strategy: Strategy) -> None:
    """Whatever the rules, the stops and the sizing are made of."""
    assert run_prefix_test(check_spec(strategy.document)).failure is None


def test_the_same_spec_is_always_tried_alike() -> None:
    """However it is spelled: the evidence is the same when it is made again."""
    spelled = {**ALL_TERMS, "trailing_stop": " 0.1 "}
    assert run_prefix_test(check_spec(spelled)) == run_prefix_test(check_spec(ALL_TERMS))


@pytest.mark.parametrize("kernel", [centred, share_of_the_highest, to_the_end, next_if_many])
@pytest.mark.parametrize("part", ["entry_long", "exit_long", "stop_loss", "take_profit", "trailing_stop"])
def test_a_function_that_looks_ahead_is_found(
    looking_ahead: Register, kernel: Callable[[Floats], Floats], part: str
) -> None:
    """In a rule as in a stop, by the place, the cut and what was decided there with and without the later bars."""
    looking_ahead(kernel)
    of_a_stop = "abs(ahead(close)) + 0.01"
    rules = {"entry_long": "close > open", "exit_long": "close < open"}
    found = failure_of({**rules, part: "ahead(close) % 0.7 > 0.35" if part in rules else of_a_stop})
    assert (found.part, found.params) == (part, {})
    assert 0 <= found.bar < found.cut
    assert found.full != found.cut_off
    assert isinstance(found.cut_off, bool) == (part in rules)


def test_the_first_difference_is_told(looking_ahead: Register) -> None:
    """A centred mean is missing on the last bar of a shortened series: at the earliest cut, with no number there."""
    looking_ahead(centred)
    found = failure_of({"entry_long": "close > sma(close, 20)", "stop_loss": "ahead(close) / close"})
    assert (found.cut, found.bar, found.tail, found.cut_off) == (19, 18, "removed", None)
    assert isinstance(found.full, float)


def test_a_tail_that_is_another_shows_what_a_missing_one_does_not(
    looking_ahead: Register,
) -> None:
    """A function that keeps to itself when bars are missing is found by the bars that are others."""

    seen: list[Floats] = []

    def remembering(x: Floats) -> Floats:
        seen.append(x)
        return np.full(len(x), seen[0][-1] if len(x) < len(seen[0]) else x[-1])

    looking_ahead(remembering)
    found = failure_of({"entry_long": "close > open", "stop_loss": "ahead(close)"})
    assert (found.tail, found.full, found.cut_off) == ("replaced", seen[0][-1], seen[-1][-1])


def test_a_volatility_that_looks_ahead_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The size of a position is decided too."""
    monkeypatch.setitem(KERNELS, "stddev", lambda x, n: centred(x) ** 2)
    sizing = {"method": "volatility_target", "value": 0.2, "window": 5}
    assert failure_of({"entry_long": "close > open", "sizing": sizing}).part == "volatility"


def test_params_that_are_not_the_defaults_are_tried(
    looking_ahead: Register,
) -> None:
    """What is harmless with the defaults alone is found with others, and told with them."""
    looking_ahead(centred)
    found = failure_of(
        {
            "params": {"peek": {"type": "bool", "default": False}},
            "entry_long": "peek and ahead(close) > close or close > open",
        }
    )
    assert found.params == {"peek": True}


def test_combinations_obey_the_constraints() -> None:
    """Where the constraints leave nothing but the defaults, these are tried alone."""
    tied = {**SMA_CROSS, "constraints": ["fast == 10", "slow == 20"]}
    evidence = run_prefix_test(check_spec(tied))
    assert (evidence.combinations, evidence.cuts) == (1, 12)


def test_the_dearest_strategies_are_cut_less_often() -> None:
    """The estimate is what bounds the work: with longer windows there are fewer cuts, and the evidence says so."""
    names = [f"l{number}" for number in range(5)]
    lets = {
        name: " and ".join(f"stddev(close, {window}) > 0" for window in range(5000 - at * 50, 4950 - at * 50, -1))
        for at, name in enumerate(names)
    }
    few = run_prefix_test(check_spec({"let": lets, "entry_long": " and ".join(names)}))
    assert (few.failure, few.combinations) == (None, 1)
    assert 1 <= few.cuts < run.MOST_CUTS


def test_what_cannot_be_tried_at_all_is_refused_at_once() -> None:
    """A quarter of a million bars of warm-up, each through a window of 5,000: it says what to do instead."""
    nested = "close"
    for _ in range(50):
        nested = f"stddev({nested}, 5000)"
    with pytest.raises(Invalid, match="shorten them"):
        run_prefix_test(check_spec({"entry_long": f"close > {nested}"}))


@pytest.mark.parametrize("calls", [1, 100])
def test_a_test_that_nobody_wants_ends_between_two_parts(calls: int) -> None:
    """In the first evaluation as in a later one; what was compared until then is no evidence."""
    called = 0

    def between() -> None:
        nonlocal called
        called += 1
        if called == calls:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        run_prefix_test(check_spec(SMA_CROSS), between)
    assert called == calls

"""What holds for every function of the language, whatever it computes."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.backtest.core.bars import Bars
from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.engine.tests.expressions import (
    BARS,
    call,
    first_bars,
    flat_bars,
    inferred_warmup,
    lengths_of,
    random_bars,
    values,
)
from services.backtest.core.language.functions import FUNCTIONS, PUBLIC
from tests.depth import examples

CONDITIONS = ("crossover", "crossunder", "rising", "falling")
NUMBERS = [name for name in PUBLIC if name not in CONDITIONS]
LENGTHS = [(1,), (2,), (3,), (5, 9, 2), (9, 4, 7), (14, 3, 3), (30, 12, 9)]

SILENT_WHEN_FLAT = (
    "rsi", "stoch_k", "stoch_d", "willr", "cci", "mfi", "adx", "plus_di", "minus_di", "zscore", "correlation",
)  # fmt: skip
"""A quotient of two things that are both 0 in a market that does not move."""

ZERO_WHEN_FLAT = (
    "stddev", "variance", "slope", "change", "mom", "roc", "tr", "atr", "natr", "bb_width", "macd", "macd_signal",
    "macd_hist", "percentrank", "highest_bars", "lowest_bars",
)  # fmt: skip


SEVERAL = [*(random_bars(100, seed) for seed in range(5)), first_bars(BARS["AAPL"], 100)]


def test_every_primitive_has_its_kernel() -> None:
    """The registry and the kernels name the same functions, and each says when its first value comes."""
    primitives = {name for name, function in FUNCTIONS.items() if function.formula is None}
    assert set(KERNELS) == primitives
    assert all(FUNCTIONS[name].hidden is not None for name in primitives)


def _stated_warmup(name: str, lengths: tuple[int, ...]) -> int:
    """What the function's own description says for these lengths."""
    given_ = lengths_of(name, lengths)
    text = re.sub(r"[a-z]+\b(?!\()", lambda found: str(given_[found.group()]), PUBLIC[name].warmup)
    return int(values(text, first_bars(BARS["random"], 1)))


@pytest.mark.parametrize("name", NUMBERS)
def test_the_first_value_comes_when_the_language_says(name: str) -> None:
    """The inferred warm-up, the one that authors are told, and the earliest bar with a value are one."""
    for lengths in LENGTHS:
        text, stated = call(name, lengths), _stated_warmup(name, lengths)
        assert inferred_warmup(text) == stated, text
        # A bar inside the one before moves in no direction, and then a directional value may come later.
        assert min(np.flatnonzero(~np.isnan(values(text, bars)))[0] for bars in SEVERAL) == stated, text


@pytest.mark.parametrize("name", NUMBERS)
def test_the_first_value_comes_as_late_as_its_inputs_do(name: str) -> None:
    """Fed series that begin on bar 3 and on bar 7, a function begins as much later as it must."""
    series = ("(close + 0 * close[7])", "(open + 0 * close[3])")
    for lengths in LENGTHS:
        text = call(name, lengths, series)
        if series[0] in text and "> 0" not in text:
            first = np.flatnonzero(~np.isnan(values(text, random_bars(120, seed=3))))[0]
            assert first == inferred_warmup(text) == 7 + _stated_warmup(name, lengths), text


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_condition_does_not_hold_before_its_inferred_warmup(name: str) -> None:
    """Whatever the bars, it is false until all it compares is there; and there are bars on which it holds then."""
    for lengths in LENGTHS:
        text = call(name, lengths)
        assert inferred_warmup(text) == _stated_warmup(name, lengths)
        held = values(text, random_bars(2_000))
        assert held.dtype == np.bool_
        assert not held[: inferred_warmup(text)].any()
        assert held.any()


@settings(deadline=None, max_examples=examples(150))
@given(
    st.sampled_from(list(PUBLIC)),
    st.sampled_from(LENGTHS),
    st.integers(0, 2**16),
    st.integers(1, 120),
    st.integers(0, 119),
)
def test_no_function_looks_ahead(name: str, lengths: tuple[int, ...], seed: int, count: int, more: int) -> None:
    """What it says on the first bars is, to the bit, what it says when there are only those."""
    bars = random_bars(count + more, seed)
    text = call(name, lengths)
    np.testing.assert_array_equal(values(text, first_bars(bars, count)), values(text, bars)[:count])


@pytest.mark.parametrize("name", PUBLIC)
def test_no_function_looks_ahead_over_many_bars(name: str) -> None:
    """The same over blocks of hundreds of bars, which some kernels work in."""
    text = call(name, (30, 12, 9))
    whole = values(text, BARS["random"])
    for count in (255, 256, 257, 511, 800, 1_999):
        np.testing.assert_array_equal(values(text, first_bars(BARS["random"], count)), whole[:count])


@pytest.mark.parametrize("name", NUMBERS)
def test_too_few_bars_give_no_value(name: str) -> None:
    """Fewer bars than the warm-up takes are never an error and never a number."""
    text = call(name, (30, 12, 9))
    for count in {1, 2, inferred_warmup(text)} - {0}:
        found = values(text, random_bars(count, seed=3))
        assert len(found) == count
        assert np.isnan(found[: inferred_warmup(text)]).all()


@pytest.mark.parametrize("price", [0.1, 3.0, 1e-7, 12345.678])
@pytest.mark.parametrize("name", NUMBERS)
def test_a_flat_market_gives_the_same_on_every_bar(name: str, price: float) -> None:
    """Where nothing moves there is one value, exactly 0 for what measures movement, or none where it is 0 / 0."""
    for lengths in LENGTHS:
        text = call(name, lengths)
        found = values(text, flat_bars(90, price))[inferred_warmup(text) :]
        if name in SILENT_WHEN_FLAT:
            assert np.isnan(found).all(), text
        elif name in ZERO_WHEN_FLAT:
            assert (found == 0.0).all(), text
        elif name != "barssince":
            assert np.isfinite(found).all(), text
            np.testing.assert_allclose(found, found[0], rtol=1e-12)


def _wild_bars() -> Bars:
    """Prices and volumes over all magnitudes that a float64 has."""
    rng = np.random.default_rng(5)
    low = 10.0 ** rng.uniform(-300.0, 300.0, 300)
    high = low * 10.0 ** rng.uniform(0.0, 7.0, 300)
    close, open_ = np.sqrt(low) * np.sqrt(high), low
    return Bars(np.arange(300) * 10**9, open_, high, low, close, 10.0 ** rng.uniform(0.0, 308.0, 300))


@pytest.mark.parametrize("name", PUBLIC)
def test_whatever_the_prices_a_number_is_finite(name: str) -> None:
    """An overflow is a missing value, as it is for an operator, and no warning."""
    for lengths in LENGTHS:
        assert not np.isinf(values(call(name, lengths), _wild_bars())).any()

"""The indicator kernels."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.indicators import KERNELS

NAN = np.nan
prices = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=400).map(np.array)


def _kernel(name: str, x: Any, n: int) -> Floats:
    values = np.array(x, np.float64)
    values.flags.writeable = False
    return KERNELS[name](values, n)


@settings(deadline=None)
@given(prices, st.integers(1, 128))
def test_an_average_of_up_to_128_bars_is_numpys_to_the_bit(x: Floats, n: int) -> None:
    """Ties between averages fall as they do for whoever checks them with numpy."""
    if len(x) >= n:
        means = [np.mean(x[end - n : end]) for end in range(n, len(x) + 1)]
        np.testing.assert_array_equal(_kernel("sma", x, n)[n - 1 :], means)


@pytest.mark.parametrize("name", ["sum_n", "sma", "variance", "stddev", "_mean_deviation"])
@pytest.mark.parametrize("n", [1, 7, 8, 13, 200, 777])
def test_equal_windows_give_equal_values_wherever_they_are(name: str, n: int) -> None:
    """To the bit: what is computed depends on the window alone, not on how many bars came before it."""
    x = np.random.default_rng(n).normal(100.0, 30.0, 5_000)
    whole = _kernel(name, x, n)
    for before in (1, 3, 8, 250, 2_049):
        np.testing.assert_array_equal(_kernel(name, x[before:], n)[n - 1 :], whole[before + n - 1 :])


def test_a_window_sum_does_not_drift() -> None:
    """Huge values that have left the window leave nothing behind."""
    x = [1e16, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert _kernel("sma", x, 3)[-1] == 1.0
    assert _kernel("stddev", x, 3)[-1] == 0.0


@pytest.mark.parametrize(
    ("name", "x", "n", "expected"),
    [
        ("sma", [1, 2, 3, 4], 2, [NAN, 1.5, 2.5, 3.5]),
        ("ema", [2, 4, 8, 8], 3, [NAN, NAN, 5.5, 6.75]),
        ("ema", [2, 4], 1, [2, 4]),
        ("stddev", [1, 3, 3, 5], 2, [NAN, 1, 0, 1]),
        ("highest", [1, 5, 2, 2, 1], 3, [NAN, NAN, 5, 5, 2]),
        ("lowest", [5, 1, 2, 2, 3], 3, [NAN, NAN, 1, 1, 2]),
        ("change", [1, 3, 6], 2, [NAN, NAN, 5]),
        ("rsi", [1, 2, 1, 4, 3], 2, [NAN, NAN, 50, 700 / 8, 700 / 12]),
        ("rsi", [1, 2, 3], 1, [NAN, 100, 100]),
        ("rsi", [1, 1, 1, 2], 2, [NAN, NAN, NAN, 100]),
        ("wma", [1, 2, 4], 2, [NAN, 5 / 3, 10 / 3]),
        ("rma", [2, 4, 9, 3], 2, [NAN, 3, 6, 4.5]),
        ("linreg", [1, 2, 4], 3, [NAN, NAN, 23 / 6]),
        ("slope", [1, 2, 4], 3, [NAN, NAN, 1.5]),
        ("highest_bars", [1, 5, 5, 2, 1], 3, [NAN, NAN, 0, 1, 2]),
        ("lowest_bars", [5, 1, 1, 2, 3], 3, [NAN, NAN, 0, 1, 2]),
        ("roc", [4, 5, 1], 1, [NAN, 25, -80]),
        ("percentrank", [1, 3, 2, 2, 9], 2, [NAN, NAN, 50, 0, 100]),
    ],
)
def test_values_worked_out_by_hand(name: str, x: list[float], n: int, expected: list[float]) -> None:
    """The definitions, seeds included, on a few bars."""
    np.testing.assert_allclose(_kernel(name, x, n), expected, rtol=1e-12)


def test_rsi_agrees_with_a_published_example() -> None:
    """The first value of the fourteen-day example of the StockCharts school is 70.53."""
    closes = [44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245, 45.8433, 46.0826, 45.8931,
              46.0328, 45.6140, 46.2820, 46.2820]  # fmt: skip
    assert _kernel("rsi", closes, 14)[-1] == pytest.approx(70.53, abs=0.01)


def test_a_spread_of_equal_values_is_exactly_nothing() -> None:
    """However their mean is rounded, and only as long as the window holds nothing else."""
    x = [0.2, *[0.1] * 5, 0.3]
    assert _kernel("stddev", x, 3)[[3, 4, 5]].tolist() == [0.0] * 3
    assert (_kernel("_mean_deviation", x, 3)[[2, 6]] > 0.0).all()


SPREADS: dict[str, Callable[[Floats], float]] = {
    "variance": np.var,
    "_mean_deviation": lambda window: np.abs(window - window.mean()).mean(),
}


@settings(deadline=None)
@given(prices, st.integers(1, 200), st.sampled_from(list(SPREADS)))
def test_a_spread_is_numpys_over_blocks_of_windows(x: Floats, n: int, name: str) -> None:
    """Whatever the number of windows that are computed side by side."""
    theirs = [SPREADS[name](x[end - n : end]) for end in range(n, len(x) + 1)]
    np.testing.assert_allclose(_kernel(name, x, n)[n - 1 :], theirs, rtol=1e-9, atol=1e-15 * x.max() ** 2)

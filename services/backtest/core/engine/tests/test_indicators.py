"""The indicator kernels."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.language.functions import FUNCTIONS

NAN = np.nan
prices = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=400).map(np.array)

WINDOWED: dict[str, Any] = {
    "sma": lambda windows: windows.mean(axis=1),
    "stddev": lambda windows: windows.std(axis=1),
    "highest": lambda windows: windows.max(axis=1),
    "lowest": lambda windows: windows.min(axis=1),
}


def _kernel(name: str, x: Any, n: int) -> Floats:
    values = np.array(x, np.float64)
    values.flags.writeable = False
    return KERNELS[name](values, n)


def test_every_primitive_has_its_kernel() -> None:
    """The registry and the kernels name the same functions, and each says when its first value comes."""
    primitives = {name for name, function in FUNCTIONS.items() if function.formula is None}
    assert set(KERNELS) == primitives
    assert all(FUNCTIONS[name].hidden is not None for name in primitives)


@settings(deadline=None)
@given(st.sampled_from(list(WINDOWED)), prices, st.integers(1, 200))
def test_a_window_function_is_that_of_each_window(name: str, x: Floats, n: int) -> None:
    """Bar by bar the value is numpy's for that window, and nothing before the first full one."""
    ours = _kernel(name, x, n)
    assert np.isnan(ours[: n - 1]).all()
    if len(x) >= n:
        theirs = WINDOWED[name](sliding_window_view(x, n))
        np.testing.assert_allclose(ours[n - 1 :], theirs, rtol=1e-9, atol=1e-9)


@settings(deadline=None)
@given(prices, st.integers(1, 128))
def test_an_average_of_up_to_128_bars_is_numpys_to_the_bit(x: Floats, n: int) -> None:
    """Ties between averages fall as they do for whoever checks them with numpy."""
    if len(x) >= n:
        means = [np.mean(x[end - n : end]) for end in range(n, len(x) + 1)]
        np.testing.assert_array_equal(_kernel("sma", x, n)[n - 1 :], means)


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


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("x", [[], [1.0], [NAN] * 5, [1.0, 2.0]])
def test_too_little_data_gives_no_value(name: str, x: list[float]) -> None:
    """Short, empty or missing input is never an error and never a number."""
    assert np.isnan(_kernel(name, x, 4)).all()
    assert len(_kernel(name, x, 4)) == len(x)


@pytest.mark.parametrize("name", KERNELS)
def test_values_begin_where_the_registry_says(name: str) -> None:
    """On data whose first bars are missing, the first value comes after exactly the hidden bars of the registry."""
    hidden = FUNCTIONS[name].hidden
    assert hidden is not None
    rising = np.cumsum(np.arange(1.0, 31.0))
    for n in (1, 2, 5, 9):
        x = np.concatenate(([NAN] * 3, rising))
        assert np.flatnonzero(~np.isnan(_kernel(name, x, n)))[0] == 3 + hidden(n)


@pytest.mark.parametrize("name", KERNELS)
def test_a_missing_bar_hurts_no_longer_than_it_must(name: str) -> None:
    """There is no value on a missing bar, and there are values again once a window is past it."""
    x = np.cumsum(np.arange(1.0, 31.0))
    x[12] = NAN
    ours = _kernel(name, x, 4)
    assert np.isnan(ours[12])
    assert not np.isnan(ours[17:]).any()


@settings(deadline=None)
@given(st.sampled_from(list(KERNELS)), prices, st.integers(1, 20))
def test_no_kernel_looks_ahead(name: str, x: Floats, n: int) -> None:
    """The values on the first bars are, to the bit, those of the first bars alone."""
    cut = len(x) // 2
    np.testing.assert_array_equal(_kernel(name, x[:cut], n), _kernel(name, x, n)[:cut])

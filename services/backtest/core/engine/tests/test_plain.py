"""Every function agrees with its definition, computed one window after the other in plain numpy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.tests import plain
from services.backtest.core.engine.tests.expressions import BARS, chosen, first_bars, values

LENGTHS = (1, 2, 3, 8, 14, 40)
Theirs = Callable[[Bars, int], Any]


def _window(of_window: Callable[[Floats], float]) -> Theirs:
    return lambda bars, n: plain.windowed(bars.close, n, of_window)


def _macd(x: Floats, n: int) -> Floats:
    return plain.ema(x, n) - plain.ema(x, n + 5)


def _tema(x: Floats, n: int) -> Floats:
    once = plain.ema(x, n)
    twice = plain.ema(once, n)
    return 3.0 * once - 3.0 * twice + plain.ema(twice, n)


def _keltner(bars: Bars, n: int) -> Floats:
    typical = (bars.high + bars.low + bars.close) / 3.0
    return plain.ema(typical, n) + 1.5 * plain.rma(plain.true_range(bars), n)


def _held(bars: Bars) -> Any:
    return bars.close > bars.open * 1.0002


PLAIN: dict[str, Theirs] = {
    "sma(close, {n})": _window(np.mean),
    "ema(close, {n})": lambda b, n: plain.ema(b.close, n),
    "wma(close, {n})": _window(lambda w: np.average(w, weights=np.arange(1.0, len(w) + 1.0))),
    "rma(close, {n})": lambda b, n: plain.rma(b.close, n),
    "dema(close, {n})": lambda b, n: 2.0 * plain.ema(b.close, n) - plain.ema(plain.ema(b.close, n), n),
    "tema(close, {n})": lambda b, n: _tema(b.close, n),
    "macd(close, {n}, {n} + 5)": lambda b, n: _macd(b.close, n),
    "macd_signal(close, {n}, {n} + 5, 4)": lambda b, n: plain.ema(_macd(b.close, n), 4),
    "macd_hist(close, {n}, {n} + 5, 4)": lambda b, n: _macd(b.close, n) - plain.ema(_macd(b.close, n), 4),
    "stddev(close, {n})": _window(np.std),
    "variance(close, {n})": _window(np.var),
    "zscore(close, {n} + 1)": lambda b, n: plain.windowed(b.close, n + 1, lambda w: (w[-1] - w.mean()) / w.std()),
    "sum_n(close, {n})": _window(np.sum),
    "bb_width(close, {n}, 2)": _window(lambda w: 4.0 * w.std() / w.mean()),
    "linreg(close, {n})": _window(lambda w: plain.line(w)[1]),
    "slope(close, {n} + 1)": lambda b, n: plain.windowed(b.close, n + 1, lambda w: plain.line(w)[0]),
    "correlation(close, volume, {n} + 1)": lambda b, n: plain.correlation(b.close, b.volume, n + 1),
    "percentrank(close, {n})": lambda b, n: plain.windowed(b.close, n + 1, lambda w: 100.0 * (w[:-1] < w[-1]).mean()),
    "highest(close, {n})": _window(np.max),
    "lowest(close, {n})": _window(np.min),
    "highest_bars(close, {n})": _window(lambda w: float(np.argmax(w[::-1]))),
    "lowest_bars(close, {n})": _window(lambda w: float(np.argmin(w[::-1]))),
    "change(close, {n})": lambda b, n: b.close - plain.lagged(b.close, n),
    "roc(close, {n})": lambda b, n: 100.0 * (b.close / plain.lagged(b.close, n) - 1.0),
    "tr()": lambda b, _: plain.true_range(b),
    "plus_di({n})": lambda b, n: plain.direction(b, n, up=True),
    "minus_di({n})": lambda b, n: plain.direction(b, n, up=False),
    "adx({n})": plain.adx,
    "supertrend({n}, 1.5)": lambda b, n: plain.supertrend(b, n, 1.5),
    "keltner_upper({n}, 1.5)": _keltner,
    "obv()": lambda b, _: plain.obv(b),
    "barssince(close > open * 1.0002)": lambda b, _: plain.since(_held(b)),
    "valuewhen(close > open * 1.0002, low, {n})": lambda b, n: plain.when(_held(b), b.low, n),
    "valuewhen(close > open * 1.0002, low, 0)": lambda b, _: plain.when(_held(b), b.low, 0),
    "rising(close, {n})": lambda b, n: plain.rising(b.close, n),
    "falling(close, {n})": lambda b, n: plain.rising(-b.close, n),
    "crossover(close, open)": lambda b, _: (b.close > b.open) & (plain.lagged(b.close, 1) <= plain.lagged(b.open, 1)),
    "crossunder(close, open)": lambda b, _: (b.close < b.open) & (plain.lagged(b.close, 1) >= plain.lagged(b.open, 1)),
    "abs(close - open)": lambda b, _: np.abs(b.close - b.open),
    "min(close, open)": lambda b, _: np.where(b.close < b.open, b.close, b.open),
    "max(close, 3)": lambda b, _: np.where(b.close > 3.0, b.close, 3.0),
    "max(3, close)": lambda b, _: np.where(b.close > 3.0, b.close, 3.0),
    "log(close / open)": lambda b, _: np.log(b.close / b.open),
    "sqrt(close)": lambda b, _: b.close**0.5,
    "sign(close - open)": lambda b, _: np.where(b.close > b.open, 1.0, 0.0) - np.where(b.close < b.open, 1.0, 0.0),
}


@pytest.mark.parametrize("data", BARS)
@pytest.mark.parametrize("text", PLAIN)
def test_it_is_what_its_definition_says(text: str, data: str) -> None:
    """On every bar, from the first value on, for lengths from 1."""
    bars = first_bars(BARS[data], 700)
    for n in LENGTHS if "{n}" in text else LENGTHS[:1]:
        with np.errstate(all="ignore"):
            theirs = np.asarray(PLAIN[text](bars, n), np.float64)
        theirs[np.isinf(theirs)] = np.nan
        size = np.nanmax(np.abs(theirs))
        ours = np.asarray(values(text.format(n=n), bars), np.float64)
        # n = 1 leaves a deviation or a width of exactly 0, which numpy's mean can miss by a rounding.
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * max(size, 1e-9), equal_nan=True)


@pytest.mark.parametrize("name", ["sma", "wma", "stddev", "linreg", "highest", "lowest_bars", "percentrank", "sum_n"])
def test_only_windows_that_hold_a_missing_value_are_missing(name: str) -> None:
    """A gap in the middle hides the windows it is in, and leaves nothing behind in the ones after it."""
    bars = first_bars(BARS["random"], 300)
    n = 14
    x = np.where(bars.volume == 0.0, np.nan, bars.close)
    width = n + 1 if name == "percentrank" else n
    whole = ~np.isnan(plain.windowed(x, width, np.sum))
    gapped = values(f"{name}(close * volume / volume, {n})", bars)
    np.testing.assert_array_equal(~np.isnan(gapped), whole)
    np.testing.assert_allclose(gapped[whole], values(f"{name}(close, {n})", bars)[whole], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["ema", "rma", "rsi"])
def test_an_average_that_remembers_passes_a_gap_over(name: str) -> None:
    """It has no value on a missing bar, and goes on as if the bar had not been."""
    bars = first_bars(BARS["random"], 300)
    there = bars.volume > 0.0
    gapped = values(f"{name}(close * volume / volume, 9)", bars)
    assert np.isnan(gapped[~there]).all()
    kept = chosen(bars, there)
    np.testing.assert_allclose(gapped[there], values(f"{name}(close * volume / volume, 9)", kept), rtol=1e-12)

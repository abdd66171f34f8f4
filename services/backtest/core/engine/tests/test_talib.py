"""Every function that TA-Lib has as well agrees with it, on real bars and on random ones."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import talib

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Flags, Floats
from services.backtest.core.engine.tests.expressions import BARS, chosen, values

LENGTHS = (2, 3, 9, 14, 20, 63)
SIMPLE = talib.MA_Type.SMA  # type: ignore[attr-defined]  # it is exported, only not by name


class Case(NamedTuple):
    """`text` is ours for a length n, which is at least `least`.

    `until` says how many multiples of n a difference of seeds may take to fade.
    """

    text: str
    theirs: Callable[[Bars, int], Any]
    until: int = 0
    tolerance: float = 1e-9
    least: int = 2


SAME = [
    Case("sma(close, {n})", lambda b, n: talib.SMA(b.close, n)),
    Case("ema(close, {n})", lambda b, n: talib.EMA(b.close, n), until=40),
    Case("wma(close, {n})", lambda b, n: talib.WMA(b.close, n)),
    Case("rma(close, {n})", lambda b, n: talib.RMA(b.close, n)),
    Case("dema(close, {n})", lambda b, n: talib.DEMA(b.close, n), until=40),
    Case("tema(close, {n})", lambda b, n: talib.TEMA(b.close, n), until=40),
    Case("hma(close, {n})", lambda b, n: talib.HMA(b.close, n)),
    Case("vwma(close, {n})", lambda b, n: talib.VWMA(b.close, b.volume, n)),
    Case("vwap({n})", lambda b, n: talib.VWMA((b.high + b.low + b.close) / 3.0, b.volume, n)),
    Case("rsi(close, {n})", lambda b, n: talib.RSI(b.close, n)),
    Case("macd(close, {n}, {n} + 14)", lambda b, n: talib.MACD(b.close, n, n + 14, 1)[0], until=200),
    Case("macd_signal(close, {n}, {n} + 14, 9)", lambda b, n: talib.MACD(b.close, n, n + 14, 9)[1], until=200),
    Case("macd_hist(close, {n}, {n} + 14, 9)", lambda b, n: talib.MACD(b.close, n, n + 14, 9)[2], until=200),
    Case("bb_upper(close, {n}, 2.5)", lambda b, n: talib.BBANDS(b.close, n, 2.5, 2.5)[0]),
    Case("bb_middle(close, {n})", lambda b, n: talib.BBANDS(b.close, n, 2.5, 2.5)[1]),
    Case("bb_lower(close, {n}, 2.5)", lambda b, n: talib.BBANDS(b.close, n, 2.5, 2.5)[2]),
    Case("bb_width(close, {n}, 2)", lambda b, n: _width(*talib.BBANDS(b.close, n, 2.0, 2.0)), tolerance=1e-6),
    Case("tr()", lambda b, _: talib.TRANGE(b.high, b.low, b.close)),
    Case("atr({n})", lambda b, n: talib.ATR(b.high, b.low, b.close, n)),
    Case("natr({n})", lambda b, n: talib.NATR(b.high, b.low, b.close, n)),
    Case("plus_di({n})", lambda b, n: talib.PLUS_DI(b.high, b.low, b.close, n), until=40),
    Case("minus_di({n})", lambda b, n: talib.MINUS_DI(b.high, b.low, b.close, n), until=40),
    Case("adx({n})", lambda b, n: talib.ADX(b.high, b.low, b.close, n), until=40),
    Case("stoch_k({n}, 3)", lambda b, n: talib.STOCH(b.high, b.low, b.close, n, 3, SIMPLE, 1, SIMPLE)[0]),
    Case("stoch_d({n}, 3, 4)", lambda b, n: talib.STOCH(b.high, b.low, b.close, n, 3, SIMPLE, 4, SIMPLE)[1]),
    Case("willr({n})", lambda b, n: talib.WILLR(b.high, b.low, b.close, n)),
    # With two prices that are equal but for a rounding, TA-Lib's CCI is 0 and ours the quotient of two roundings.
    Case("cci({n})", lambda b, n: talib.CCI(b.high, b.low, b.close, n), least=3),
    Case("roc(close, {n})", lambda b, n: talib.ROC(b.close, n)),
    Case("mom(close, {n})", lambda b, n: talib.MOM(b.close, n)),
    Case("change(close, {n})", lambda b, n: talib.MOM(b.close, n)),
    Case("mfi({n})", lambda b, n: talib.MFI(b.high, b.low, b.close, b.volume, n)),
    Case("obv()", lambda b, _: talib.OBV(b.close, b.volume)),
    Case("stddev(close, {n})", lambda b, n: talib.STDDEV(b.close, n), tolerance=1e-6),
    Case("variance(close, {n})", lambda b, n: talib.VAR(b.close, n), tolerance=1e-6),
    Case("sum_n(close, {n})", lambda b, n: talib.SUM(b.close, n)),
    Case("linreg(close, {n})", lambda b, n: talib.LINEARREG(b.close, n)),
    Case("slope(close, {n})", lambda b, n: talib.LINEARREG_SLOPE(b.close, n), tolerance=1e-7),
    Case("correlation(close, open, {n})", lambda b, n: talib.CORREL(b.close, b.open, n), tolerance=1e-5),
    Case("percentrank(close, {n})", lambda b, n: talib.PERCENTRANK(b.close, n)),
    Case("highest(high, {n})", lambda b, n: talib.MAX(b.high, n)),
    Case("lowest(low, {n})", lambda b, n: talib.MIN(b.low, n)),
    Case("donchian_upper({n})", lambda b, n: talib.DONCHIAN(b.high, b.low, n)[0]),
    Case("donchian_lower({n})", lambda b, n: talib.DONCHIAN(b.high, b.low, n)[2]),
    Case("keltner_upper({n}, 1.5)", lambda b, n: talib.KC(b.high, b.low, b.close, n, n, 1.5)[0], until=40),
    Case("keltner_lower({n}, 1.5)", lambda b, n: talib.KC(b.high, b.low, b.close, n, n, 1.5)[2], until=40),
    Case("supertrend({n}, 1.5)", lambda b, n: talib.SUPERTREND(b.high, b.low, b.close, n, 1.5)[0]),
    Case("psar({n} / 1000, 0.2)", lambda b, n: talib.SAR(b.high, b.low, n / 1000, 0.2)),
    Case("log(close)", lambda b, _: talib.LN(b.close)),
    Case("sqrt(close)", lambda b, _: talib.SQRT(b.close)),
]
"""Without `until` the whole series agrees, from the first value on."""


def _width(upper: Floats, middle: Floats, lower: Floats) -> Floats:
    return (upper - lower) / middle


def _assert_same(ours: Floats | Flags, theirs: Any, case: Case, start: int = 0) -> None:
    ours, theirs = ours[start:], np.array(theirs[start:], np.float64)
    # Where nothing can be said TA-Lib says 0, or infinity, and we say nothing.
    theirs[np.isnan(ours) & ((theirs == 0.0) | np.isinf(theirs))] = np.nan
    np.testing.assert_allclose(ours, theirs, rtol=case.tolerance, atol=case.tolerance * np.nanmax(np.abs(theirs)))
    assert np.isfinite(ours).mean() > 0.5


@pytest.mark.parametrize("data", BARS)
@pytest.mark.parametrize("case", SAME, ids=lambda case: case.text)
def test_it_agrees_with_talib(case: Case, data: str) -> None:
    """For lengths from 2 on, first value, gaps and all, or once the seeds have faded where they differ."""
    bars = BARS[data]
    for n in LENGTHS:
        # A long length's seed fades beyond the end of the bars.
        if n >= case.least and case.until * n < len(bars) // 2:
            _assert_same(values(case.text.format(n=n), bars), case.theirs(bars, n), case, case.until * n)


@pytest.mark.parametrize("n", LENGTHS)
def test_an_exponential_average_is_talibs_with_our_seed(n: int) -> None:
    """Fed n - 1 copies of the first value before it, TA-Lib's seed is that value, and then all agrees."""
    close = BARS["AAPL"].close
    theirs = talib.EMA(np.concatenate((np.full(n - 1, close[0]), close)), n)[n - 1 :]
    np.testing.assert_allclose(values(f"ema(close, {n})", BARS["AAPL"])[n - 1 :], theirs[n - 1 :], rtol=1e-12)


@pytest.mark.parametrize("data", BARS)
@pytest.mark.parametrize(
    ("ours", "theirs", "side"), [("highest", talib.MAXINDEX, "high"), ("lowest", talib.MININDEX, "low")]
)
def test_an_extreme_was_when_talib_says(ours: str, theirs: Callable[..., Any], side: str, data: str) -> None:
    """Or on another bar with the same price: which of equal ones it names depends on what it has seen."""
    prices = getattr(BARS[data], side)
    for n in LENGTHS:
        ago = values(f"{ours}_bars({side}, {n})", BARS[data])[n - 1 :]
        bars = np.arange(n - 1, len(prices)) - ago.astype(np.int64)
        np.testing.assert_array_equal(prices[bars], prices[theirs(prices, n)[n - 1 :]])


LATE = [case for case in SAME if "(close, {n}" in case.text and "vwma" not in case.text]


@pytest.mark.parametrize("case", LATE, ids=lambda case: case.text)
def test_it_agrees_with_talib_after_missing_bars(case: Case) -> None:
    """A series that begins with bars without a value gives what the rest of it gives."""
    bars = BARS["AAPL"]
    late = chosen(bars, slice(50, None))
    ours = values(case.text.format(n=14).replace("close", "(close + 0 * close[50])"), bars)
    assert np.isnan(ours[:50]).all()
    _assert_same(ours[50:], case.theirs(late, 14), case, case.until * 14)

"""Channels around the price."""

from dataclasses import replace

from services.backtest.core.language.functions.arguments import RANGES, SMOOTHED, K, N, X
from services.backtest.core.language.functions.form import Function

_BOLLINGER = "Bollinger (2001), TA-Lib BBANDS, Pine ta.bb; the population deviation"
_KELTNER = "Keltner (1960) with Wilder's range, TA-Lib KC; the average is seeded as `ema` is"

BANDS = (
    Function(
        "bb_upper",
        (X, N, K),
        does="the upper Bollinger band",
        unit="as x",
        warmup="n - 1",
        source=_BOLLINGER,
        formula="sma(x, n) + k * stddev(x, n)",
    ),
    Function(
        "bb_middle",
        # The middle does not depend on k; it is accepted so that the three bands can be called alike.
        (X, N, replace(K, optional=True)),
        does="the middle of the Bollinger bands, whatever k is",
        unit="as x",
        warmup="n - 1",
        source=_BOLLINGER,
        formula="sma(x, n)",
    ),
    Function(
        "bb_lower",
        (X, N, K),
        does="the lower Bollinger band",
        unit="as x",
        warmup="n - 1",
        source=_BOLLINGER,
        formula="sma(x, n) - k * stddev(x, n)",
    ),
    Function(
        "bb_width",
        (X, N, K),
        does="how far the Bollinger bands are apart, (upper - lower) / middle",
        unit="fraction of the middle",
        warmup="n - 1",
        source="Bollinger (2001), his BandWidth; Pine ta.bbw gives it in percent",
        formula="2 * k * stddev(x, n) / sma(x, n)",
    ),
    Function(
        "donchian_upper",
        (N,),
        does="the highest high of the last n bars, this one included; `[1]` leaves it out",
        unit="price",
        warmup="n - 1",
        source="Donchian (1960), TA-Lib DONCHIAN",
        formula="highest(high, n)",
    ),
    Function(
        "donchian_lower",
        (N,),
        does="the lowest low of the last n bars, this one included; `[1]` leaves it out",
        unit="price",
        warmup="n - 1",
        source="Donchian (1960), TA-Lib DONCHIAN",
        formula="lowest(low, n)",
    ),
    Function(
        "keltner_upper",
        (SMOOTHED, RANGES),
        does="the upper Keltner channel: k average ranges above the average typical price",
        unit="price",
        warmup="n",
        source=_KELTNER,
        formula="ema(hlc3, n) + k * atr(n)",
    ),
    Function(
        "keltner_lower",
        (SMOOTHED, RANGES),
        does="the lower Keltner channel: k average ranges below the average typical price",
        unit="price",
        warmup="n",
        source=_KELTNER,
        formula="ema(hlc3, n) - k * atr(n)",
    ),
)

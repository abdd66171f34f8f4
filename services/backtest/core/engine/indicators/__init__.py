"""The kernel of every primitive function of the language, under its name.

A kernel takes its arguments in call order, series as read-only float64 arrays of one length and lengths as integers,
and returns a new array of that length. A bar without a value is NaN, in and out, and data shorter than the warm-up
give nothing but NaN.
"""

from collections.abc import Callable, Mapping

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.indicators.average import ema, sma
from services.backtest.core.engine.indicators.change import change
from services.backtest.core.engine.indicators.deviation import stddev
from services.backtest.core.engine.indicators.extremes import highest, lowest
from services.backtest.core.engine.indicators.rsi import rsi

KERNELS: Mapping[str, Callable[..., Floats]] = {
    "sma": sma,
    "ema": ema,
    "stddev": stddev,
    "highest": highest,
    "lowest": lowest,
    "rsi": rsi,
    "change": change,
}

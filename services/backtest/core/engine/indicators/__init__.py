"""The kernel of every primitive function of the language, under its name.

A kernel takes its arguments in call order, series as read-only float64 arrays of one length, conditions as read-only
bool arrays, lengths as integers and numbers as floats, and returns a new float64 array of that length. A bar without a
value is NaN, in and out, and data shorter than the warm-up give nothing but NaN.
"""

from collections.abc import Callable, Mapping

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.indicators.average import ema, rma, sma
from services.backtest.core.engine.indicators.change import change, roc
from services.backtest.core.engine.indicators.correlation import correlation
from services.backtest.core.engine.indicators.deviation import mean_deviation, stddev, variance
from services.backtest.core.engine.indicators.direction import minus_move, plus_move, true_range
from services.backtest.core.engine.indicators.elementwise import absolute, greater, logarithm, root, sign, smaller
from services.backtest.core.engine.indicators.extremes import highest, highest_bars, lowest, lowest_bars
from services.backtest.core.engine.indicators.line import linreg, slope, wma
from services.backtest.core.engine.indicators.occurrence import barssince, valuewhen
from services.backtest.core.engine.indicators.parabolic import parabolic
from services.backtest.core.engine.indicators.rank import percentrank
from services.backtest.core.engine.indicators.rsi import rsi
from services.backtest.core.engine.indicators.traded import balance, flow
from services.backtest.core.engine.indicators.trailing_line import trailing_line
from services.backtest.core.engine.indicators.window_sum import window_sums

KERNELS: Mapping[str, Callable[..., Floats]] = {
    "sma": sma,
    "ema": ema,
    "wma": wma,
    "rma": rma,
    "rsi": rsi,
    "change": change,
    "roc": roc,
    "_true_range": true_range,
    "_plus_move": plus_move,
    "_minus_move": minus_move,
    "_parabolic": parabolic,
    "_trailing_line": trailing_line,
    "_balance": balance,
    "_flow": flow,
    "stddev": stddev,
    "variance": variance,
    "_mean_deviation": mean_deviation,
    "sum_n": window_sums,
    "linreg": linreg,
    "slope": slope,
    "correlation": correlation,
    "percentrank": percentrank,
    "highest": highest,
    "lowest": lowest,
    "highest_bars": highest_bars,
    "lowest_bars": lowest_bars,
    "barssince": barssince,
    "valuewhen": valuewhen,
    "abs": absolute,
    "min": smaller,
    "max": greater,
    "log": logarithm,
    "sqrt": root,
    "sign": sign,
}

"""How fast prices move, and how stretched they are."""

from services.backtest.core.language.functions.arguments import LAST, N_OF_TWO, SMOOTHED, N, X
from services.backtest.core.language.functions.form import Function, length

_FAST = length("fast", "bars that the fast average stands for")
_SLOW = length("slow", "bars that the slow average stands for")
_SIGNAL = length("signal", "bars that the average of the line stands for")
_SMOOTH = length("smooth", "bars that the line is averaged over; 1 leaves it as it is")
_D = length("d", "bars that the slow line is averaged over")

_SLOWER = "max(fast, slow) - 1"

MOMENTUM = (
    Function(
        "rsi",
        (X, SMOOTHED),
        does="the relative strength index: the share of gains in all moves; no value before x has moved",
        unit="0 to 100",
        warmup="n",
        source="Wilder (1978), TA-Lib RSI, which says 0 where x has not moved; Pine ta.rsi",
        definition="100 * rma(gains, n) / (rma(gains, n) + rma(losses, n)) of the moves from bar to bar",
        hidden=lambda n: n,
    ),
    Function(
        "macd",
        (X, _FAST, _SLOW),
        does="the distance between a fast and a slow exponential average",
        unit="as x",
        warmup=_SLOWER,
        source="Appel (1979), TA-Lib MACD, Pine ta.macd; seeded as `ema` is",
        formula="ema(x, fast) - ema(x, slow)",
    ),
    Function(
        "macd_signal",
        (X, _FAST, _SLOW, _SIGNAL),
        does="the exponential average of `macd`",
        unit="as x",
        warmup=f"{_SLOWER} + signal - 1",
        source="Appel (1979), TA-Lib MACD, Pine ta.macd; seeded as `ema` is",
        formula="ema(macd(x, fast, slow), signal)",
    ),
    Function(
        "macd_hist",
        (X, _FAST, _SLOW, _SIGNAL),
        does="how far `macd` is above its signal",
        unit="as x",
        warmup=f"{_SLOWER} + signal - 1",
        source="Aspray (1986), TA-Lib MACD, Pine ta.macd; seeded as `ema` is",
        formula="macd(x, fast, slow) - macd_signal(x, fast, slow, signal)",
    ),
    Function(
        "stoch_k",
        (N, _SMOOTH),
        does="the stochastic: where the close is between the lowest low and the highest high; no value without a range",
        unit="0 to 100",
        warmup="n - 1 + smooth - 1",
        source="Lane (1984), TA-Lib STOCH slowk, which says 0 without a range; Pine ta.stoch",
        formula="sma(100 * (close - lowest(low, n)) / (highest(high, n) - lowest(low, n)), smooth)",
    ),
    Function(
        "stoch_d",
        (N, _SMOOTH, _D),
        does="the mean of the last d values of `stoch_k`",
        unit="0 to 100",
        warmup="n - 1 + smooth - 1 + d - 1",
        source="Lane (1984), TA-Lib STOCH slowd",
        formula="sma(stoch_k(n, smooth), d)",
    ),
    Function(
        "willr",
        (N,),
        does="Williams' %R: how far the close is below the highest high of n bars; no value without a range",
        unit="-100 to 0",
        warmup="n - 1",
        source="Williams (1973), TA-Lib WILLR, which says 0 without a range; Pine ta.wpr",
        formula="-100 * (highest(high, n) - close) / (highest(high, n) - lowest(low, n))",
    ),
    Function(
        "cci",
        (N_OF_TWO,),
        does="the commodity channel index: the typical price's distance from its mean, in mean deviations",
        unit="0.015 mean deviations",
        warmup="n - 1",
        source="Lambert (1980), TA-Lib CCI, which says 0 where nothing deviates; Pine ta.cci",
        formula="(hlc3 - sma(hlc3, n)) / (0.015 * _mean_deviation(hlc3, n))",
        definition="(hlc3 - sma(hlc3, n)) / (0.015 * the mean of abs(hlc3 - sma(hlc3, n)) in the window)",
    ),
    Function(
        "roc",
        (X, LAST),
        does="the rate of change over n bars",
        unit="percent",
        warmup="n",
        source="TA-Lib ROC, Pine ta.roc",
        definition="100 * (x - x[n]) / x[n]",
        hidden=lambda n: n,
    ),
    Function(
        "change",
        (X, LAST),
        does="x less x of n bars ago",
        unit="as x",
        warmup="n",
        source="TA-Lib MOM, Pine ta.change",
        definition="x - x[n]",
        hidden=lambda n: n,
    ),
    Function(
        "mom",
        (X, LAST),
        does="the momentum, which is `change` by another name",
        unit="as x",
        warmup="n",
        source="TA-Lib MOM, Pine ta.mom",
        formula="change(x, n)",
    ),
)

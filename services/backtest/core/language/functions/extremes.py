"""The highest and the lowest of a window, and when they were."""

from services.backtest.core.language.functions.arguments import N, X
from services.backtest.core.language.functions.form import Function

EXTREMES = (
    Function(
        "highest",
        (X, N),
        does="the greatest of the last n values",
        unit="as x",
        warmup="n - 1",
        source="TA-Lib MAX, Pine ta.highest",
        definition="max(x, x[1], ..., x[n - 1])",
        hidden=lambda n: n - 1,
    ),
    Function(
        "lowest",
        (X, N),
        does="the least of the last n values",
        unit="as x",
        warmup="n - 1",
        source="TA-Lib MIN, Pine ta.lowest",
        definition="min(x, x[1], ..., x[n - 1])",
        hidden=lambda n: n - 1,
    ),
    Function(
        "highest_bars",
        (X, N),
        does="how many bars ago the greatest of the last n values was; of equal ones the newest counts",
        unit="bars, 0 to n - 1",
        warmup="n - 1",
        source="TA-Lib MAXINDEX, as bars ago, which takes any of equal ones; Pine's ta.highestbars is its negative",
        definition="the least i < n with x[i] == highest(x, n)",
        hidden=lambda n: n - 1,
    ),
    Function(
        "lowest_bars",
        (X, N),
        does="how many bars ago the least of the last n values was; of equal ones the newest counts",
        unit="bars, 0 to n - 1",
        warmup="n - 1",
        source="TA-Lib MININDEX, as bars ago, which takes any of equal ones; Pine's ta.lowestbars is its negative",
        definition="the least i < n with x[i] == lowest(x, n)",
        hidden=lambda n: n - 1,
    ),
)

"""Functions of the values of one bar. They work on single numbers too, which are worked out before any bar is."""

from services.backtest.core.language.functions.arguments import A, B
from services.backtest.core.language.functions.form import Argument, Function, Role

_VALUE = Argument("x", Role.VALUE, "a number or a series")

ARITHMETIC = (
    Function(
        "abs",
        (_VALUE,),
        does="x without its sign",
        unit="as x",
        warmup="0",
        source="TA-Lib has none; Pine math.abs",
        definition="x or -x, whichever is not below 0",
        hidden=lambda: 0,
    ),
    Function(
        "min",
        (A, B),
        does="the smaller of the two; `lowest` is the least of a window",
        unit="as a",
        warmup="0",
        source="Pine math.min; TA-Lib's MIN is `lowest`",
        definition="a where a < b, else b",
        hidden=lambda: 0,
    ),
    Function(
        "max",
        (A, B),
        does="the greater of the two; `highest` is the greatest of a window",
        unit="as a",
        warmup="0",
        source="Pine math.max; TA-Lib's MAX is `highest`",
        definition="a where a > b, else b",
        hidden=lambda: 0,
    ),
    Function(
        "log",
        (_VALUE,),
        does="the natural logarithm; no value at 0 and below",
        unit="a number",
        warmup="0",
        source="TA-Lib LN, Pine math.log",
        definition="the y with e ** y == x",
        hidden=lambda: 0,
    ),
    Function(
        "sqrt",
        (_VALUE,),
        does="the square root; no value below 0",
        unit="root of x",
        warmup="0",
        source="TA-Lib SQRT, Pine math.sqrt",
        definition="the y >= 0 with y * y == x",
        hidden=lambda: 0,
    ),
    Function(
        "sign",
        (_VALUE,),
        does="1 above 0, -1 below 0, and 0 at 0",
        unit="-1, 0 or 1",
        warmup="0",
        source="TA-Lib has none; Pine math.sign",
        definition="1 where x > 0, -1 where x < 0, else 0",
        hidden=lambda: 0,
    ),
)

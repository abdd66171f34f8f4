"""What has just happened, and what has happened since."""

from services.backtest.core.language.functions.arguments import A, B, X
from services.backtest.core.language.functions.form import Argument, Function, Role, length

_CONDITION = Argument("cond", Role.CONDITION, "the condition")
_BACK = length("n", "how many bars back x is compared")
_TRUTH = "true or false"

CONDITIONS = (
    # A comparison with a missing value is false, so all four values have to be there.
    Function(
        "crossover",
        (A, B),
        does="a is above b and was not one bar before",
        unit=_TRUTH,
        warmup="1",
        source="Pine ta.crossover",
        formula="a > b and a[1] <= b[1]",
    ),
    Function(
        "crossunder",
        (A, B),
        does="a is below b and was not one bar before",
        unit=_TRUTH,
        warmup="1",
        source="Pine ta.crossunder",
        formula="a < b and a[1] >= b[1]",
    ),
    Function(
        "rising",
        (X, _BACK),
        does="x is above each of the n values before it",
        unit=_TRUTH,
        warmup="n",
        source="Pine ta.rising",
        formula="x > highest(x, n)[1]",
    ),
    Function(
        "falling",
        (X, _BACK),
        does="x is below each of the n values before it",
        unit=_TRUTH,
        warmup="n",
        source="Pine ta.falling",
        formula="x < lowest(x, n)[1]",
    ),
    Function(
        "barssince",
        (_CONDITION,),
        does="how many bars ago the condition last held, 0 on a bar where it does; no value until it has held once",
        unit="bars",
        warmup="0",
        source="Pine ta.barssince",
        definition="0 where cond holds, else barssince[1] + 1",
        hidden=lambda: 0,
    ),
    Function(
        "valuewhen",
        (_CONDITION, X, length("k", "how many times before the last, 0 for the last", least=0)),
        does="x as it was when the condition held for the last time, or k times before; no value until it has",
        unit="as x",
        warmup="k",
        source="Pine ta.valuewhen",
        definition="x on the bar where cond held, the k-th before the last",
        hidden=lambda k: k,
    ),
)

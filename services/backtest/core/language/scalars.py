"""Arithmetic, comparison, logic and functions on single values, which are folded before any bar is looked at."""

import math
import operator
from collections.abc import Callable, Sequence

from services.backtest.core.language.tree import Op, Scalar


class ScalarError(ValueError):
    """The operation has no value; the message says why."""


_ARITHMETIC: dict[Op, Callable[[float, float], float]] = {
    Op.ADD: operator.add,
    Op.SUBTRACT: operator.sub,
    Op.MULTIPLY: operator.mul,
    Op.DIVIDE: operator.truediv,
    Op.MODULO: operator.mod,
    Op.POWER: operator.pow,
}

_COMPARISONS: dict[Op, Callable[[Scalar, Scalar], bool]] = {
    Op.GREATER: operator.gt,
    Op.GREATER_EQUAL: operator.ge,
    Op.LESS: operator.lt,
    Op.LESS_EQUAL: operator.le,
    Op.EQUAL: operator.eq,
    Op.NOT_EQUAL: operator.ne,
}

_LOGIC: dict[Op, Callable[[Sequence[Scalar]], bool]] = {
    Op.AND: all,
    Op.OR: any,
    Op.NOT: lambda values: not values[0],
}


def _root(x: float) -> float:
    if x < 0.0:
        raise ScalarError(f"{x:g} is below 0 and has no square root")
    return math.sqrt(x)


def _logarithm(x: float) -> float:
    if x <= 0.0:
        raise ScalarError(f"{x:g} is not above 0 and has no logarithm")
    return math.log(x)


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "sqrt": _root,
    "log": _logarithm,
    "sign": lambda x: float((x > 0.0) - (x < 0.0)),
}
"""The functions that yield a single number when they are given single numbers."""


def fold(op: Op, values: Sequence[Scalar], name: str = "") -> Scalar:
    """The value of `op`, or of a call of the function `name`, on single values.

    Raises ScalarError where there is none: a division by zero, a root of a negative number, a result too large.
    """
    if op in _LOGIC:
        return _LOGIC[op](values)
    if op in _COMPARISONS:
        return _COMPARISONS[op](values[0], values[1])
    numbers = [float(value) for value in values]
    if op is Op.CALL:
        return _FUNCTIONS[name](*numbers)
    return -numbers[0] if op is Op.NEGATIVE else _arithmetic(op, *numbers)


def _arithmetic(op: Op, left: float, right: float) -> float:
    try:
        result = _ARITHMETIC[op](left, right)
    except ZeroDivisionError:
        raise ScalarError("this divides by zero") from None
    except OverflowError:
        raise ScalarError("this number is too large") from None
    if isinstance(result, complex):
        raise ScalarError("a negative number has no such power")
    if not math.isfinite(result):
        raise ScalarError("this number is too large")
    return result

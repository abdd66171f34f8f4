"""Arithmetic, comparison and logic on single values, which are folded before any bar is looked at."""

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


def fold(op: Op, values: Sequence[Scalar]) -> Scalar:
    """The value of `op` on single values.

    Raises ScalarError where there is none: a division by zero, a root of a negative number, a result too large.
    """
    if op is Op.AND:
        return all(values)
    if op is Op.OR:
        return any(values)
    if op is Op.NOT:
        return not values[0]
    if op is Op.NEGATIVE:
        return -float(values[0])
    if op in _COMPARISONS:
        return _COMPARISONS[op](values[0], values[1])
    return _arithmetic(op, float(values[0]), float(values[1]))


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

"""The operators of the language over whole series.

A number that is not finite is no number: 1 / 0 or an overflow is NaN. A comparison with NaN is false, `!=` included.
Before the first bar a lagged number is NaN and a lagged condition false.
"""

from collections.abc import Callable, Mapping

import numpy as np

from services.backtest.core.engine.dtypes import Flags, Floats
from services.backtest.core.language.tree import Op

Value = Floats | Flags | float | bool


def lag(series: Floats | Flags, bars: int) -> Floats | Flags:
    """`series` as it was `bars` bars ago."""
    out = np.full_like(series, np.nan if series.dtype == np.float64 else False)
    out[bars:] = series[: max(len(series) - bars, 0)]
    return out


def _not_equal(left: Value, right: Value) -> Flags:
    return np.less(left, right) | np.greater(left, right)


ARITHMETIC: Mapping[Op, Callable[..., Floats]] = {
    Op.NEGATIVE: np.negative,
    Op.ADD: np.add,
    Op.SUBTRACT: np.subtract,
    Op.MULTIPLY: np.multiply,
    Op.DIVIDE: np.divide,
    Op.MODULO: np.mod,
    Op.POWER: np.power,
}

LOGIC: Mapping[Op, Callable[..., Flags]] = {
    Op.GREATER: np.greater,
    Op.GREATER_EQUAL: np.greater_equal,
    Op.LESS: np.less,
    Op.LESS_EQUAL: np.less_equal,
    Op.EQUAL: np.equal,
    Op.NOT_EQUAL: _not_equal,
    Op.NOT: np.logical_not,
}


JOINING: Mapping[Op, Callable[..., Flags]] = {Op.AND: np.logical_and, Op.OR: np.logical_or}
"""What joins conditions, of which there may be hundreds."""


def apply(op: Op, values: list[Value], between: Callable[[], None] = lambda: None) -> Floats | Flags:
    """The values of `op`, at least one of whose operands is a series; `between` is called for each condition joined."""
    if op in JOINING:
        joined, *rest = values
        for condition in rest:
            between()
            joined = JOINING[op](joined, condition)
        return np.asarray(joined)
    if op in LOGIC:
        return LOGIC[op](*values)
    with np.errstate(all="ignore"):
        result = ARITHMETIC[op](*values)
    result[~np.isfinite(result)] = np.nan
    return result

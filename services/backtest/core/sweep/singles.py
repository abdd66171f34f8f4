"""The single values of a strategy for all combinations of a sweep: what `bind` folds, as columns.

Values, and which combinations have none, are those that binding each combination by itself would give.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial, reduce

import numpy as np

from services.backtest.core.engine.dtypes import Flags, Floats
from services.backtest.core.language.checked import CheckedSpec
from services.backtest.core.language.scalars import ScalarError, fold
from services.backtest.core.language.tree import Node, Op, Scalar
from services.backtest.core.sweep.axis import Axis
from services.backtest.core.sweep.combinations import Combinations
from services.backtest.core.sweep.single import EACH, FIXED, Single, by_value, operated, takes_combinations

Singles = dict[int, Single]
"""By the position of their node in the strategy's tree."""

_ARITHMETIC: Mapping[Op, Callable[..., Floats]] = {
    Op.NEGATIVE: np.negative,
    Op.ADD: np.add,
    Op.SUBTRACT: np.subtract,
    Op.MULTIPLY: np.multiply,
    Op.DIVIDE: np.divide,
    Op.MODULO: np.mod,
}

_LOGIC: Mapping[Op, Callable[..., Flags]] = {
    Op.GREATER: np.greater,
    Op.GREATER_EQUAL: np.greater_equal,
    Op.LESS: np.less,
    Op.LESS_EQUAL: np.less_equal,
    Op.EQUAL: np.equal,
    Op.NOT_EQUAL: np.not_equal,
    Op.AND: lambda *conditions: reduce(np.logical_and, conditions),
    Op.OR: lambda *conditions: reduce(np.logical_or, conditions),
    Op.NOT: np.logical_not,
}


def given(spec: CheckedSpec, axes: Sequence[Axis]) -> Singles:
    """The params and constants, those of `axes` as their values; a span's are left to the combinations."""
    texts: dict[str, float] = {}
    swept = {axis.name: number for number, axis in enumerate(axes)}
    known: Singles = {}
    for position, node in enumerate(spec.tree.nodes):
        if node.op is Op.PARAM and node.name in swept:
            number = swept[node.name]
            if not axes[number].is_span:
                known[position] = Single(number, _encoded(axes[number].values, texts))
        elif node.op is Op.PARAM:
            known[position] = Single(FIXED, _encoded([spec.params[node.name].default], texts))
        elif node.value is not None:
            known[position] = Single(FIXED, _encoded([node.value], texts))
    return known


def spans(spec: CheckedSpec, combinations: Combinations) -> Singles:
    """The params whose values were drawn from a span."""
    columns = {axis.name: combinations.drawn(number) for number, axis in enumerate(combinations.axes) if axis.is_span}
    if not columns:
        return {}
    return {
        position: Single(EACH, columns[node.name])
        for position, node in enumerate(spec.tree.nodes)
        if node.op is Op.PARAM and node.name in columns
    }


def completed(
    nodes: Sequence[Node], wanted: Iterable[int], known: Singles, combinations: Combinations | None = None
) -> Singles:
    """`known` with the `wanted` single values worked out, operands before what they make.

    Without combinations, those that take them are left out.
    """
    values = dict(known)
    for position in wanted:
        node = nodes[position]
        if position in values or not node.args or any(part not in values for part in node.args):
            continue
        parts = [values[part] for part in node.args]
        if combinations is not None or not takes_combinations(parts):
            values[position] = operated(partial(_folded, node), parts, combinations)
    return values


def _folded(node: Node, *values: Floats) -> tuple[Floats, Flags | None]:
    if node.op in _LOGIC:
        return _LOGIC[node.op](*values).astype(np.float64), None
    if node.op in _ARITHMETIC:
        with np.errstate(all="ignore"):
            made = _ARITHMETIC[node.op](*values)
        lost = ~np.isfinite(made)
        return made, lost if lost.any() else None
    # What has no operation of numpy's with the very same rounding is left to `fold` itself.
    return by_value(partial(_fold, node), *values)


def _fold(node: Node, *values: Scalar) -> float | None:
    try:
        return float(fold(node.op, values, node.name))
    except ScalarError:
        return None


def _encoded(values: Sequence[Scalar], texts: dict[str, float]) -> Floats:
    return np.array([texts.setdefault(v, len(texts)) if isinstance(v, str) else v for v in values], np.float64)

"""Walks a bound strategy over the bars, computing each distinct part once."""

from collections.abc import Callable, Collection, Sequence

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Flags, Floats
from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.engine.operators import Value, apply, lag
from services.backtest.core.engine.pieces import AFRESH, in_pieces
from services.backtest.core.language.functions import FUNCTIONS, Role
from services.backtest.core.language.tree import Node, Op, reachable

_LENGTHS = {
    name: tuple(argument.role is Role.LENGTH for argument in function.arguments) for name, function in FUNCTIONS.items()
}
"""Which arguments of a function are lengths, in call order."""


def go_on() -> None:
    """What is asked between two nodes when nobody may want to stop."""


def evaluate(
    nodes: Sequence[Node], wanted: Collection[int], bars: Bars, between: Callable[[], None] = go_on
) -> dict[int, Value]:
    """The value of each wanted node: an array of shape (bars,), or a single value where it is the same on every bar.

    An array is let go when the last node that needs it has been computed. `between` is called before each node, and
    within one that takes long; what it raises ends the work.
    """
    needed = reachable(nodes, wanted)
    last_use = {part: position for position in needed for part in nodes[position].args}
    values: dict[int, Value] = {}
    for position in needed:
        between()
        node = nodes[position]
        values[position] = valued(node, [values[part] for part in node.args], bars, between)
        for part in set(node.args).difference(wanted):
            if last_use[part] == position:
                del values[part]
    return values


def call(name: str, operands: Sequence[Value], between: Callable[[], None] = go_on) -> Floats:
    """The values of a primitive function, shape (bars,), for its arguments in call order, series read-only.

    As everywhere, a number that is not finite is none.
    """
    result = raw_call(name, operands, between)
    result[np.isinf(result)] = np.nan
    return result


def raw_call(name: str, operands: Sequence[Value], between: Callable[[], None] = go_on) -> Floats:
    """The same as `call`, but that infinite numbers are still to be taken out."""
    given = [int(value) if whole else value for whole, value in zip(_LENGTHS[name], operands, strict=True)]
    if name in AFRESH:
        x, n = given
        return in_pieces(KERNELS[name], np.asarray(x), int(n), between)
    return KERNELS[name](*given)


def valued(node: Node, operands: list[Value], bars: Bars, between: Callable[[], None] = go_on) -> Value:
    """What a node is: an array of shape (bars,), read-only, or one value. `operands` are what its arguments are."""
    if node.op is Op.CONSTANT:
        # A text is compared before anything is evaluated, so what is left is a number or a truth.
        return node.value if isinstance(node.value, bool) else float(node.value or 0.0)
    if node.op is Op.SERIES:
        return bars.series(node.name)
    result = _computed(node, operands, between)
    # Read-only arrays are a type of their own to a kernel: with one type everywhere it is compiled once.
    result.flags.writeable = False
    return result


def _computed(node: Node, operands: list[Value], between: Callable[[], None]) -> Floats | Flags:
    if node.op is Op.CALL:
        return call(node.name, operands, between)
    if node.op is Op.LAG:
        return lag(np.asarray(operands[0]), node.bars)
    return apply(node.op, operands, between)

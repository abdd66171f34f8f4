"""Walks a bound strategy over the bars, computing each distinct part once."""

from collections.abc import Collection, Sequence

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Bits, Flags, Floats, Signal
from services.backtest.core.engine.indicators import KERNELS
from services.backtest.core.engine.operators import Value, apply, lag
from services.backtest.core.language.bind import BoundStrategy
from services.backtest.core.language.functions import FUNCTIONS, Role
from services.backtest.core.language.tree import Node, Op, reachable

_BITS = {
    "entry_long": Signal.ENTRY_LONG,
    "exit_long": Signal.EXIT_LONG,
    "entry_short": Signal.ENTRY_SHORT,
    "exit_short": Signal.EXIT_SHORT,
}


def signals(strategy: BoundStrategy, bars: Bars, sides: tuple[str, ...]) -> Bits:
    """Which rules of `sides` (`long`, `short`) hold at each close, as the bits of Signal, shape (bars,)."""
    wanted = {rule: position for rule, position in strategy.rules.items() if rule.endswith(sides)}
    values = evaluate(strategy.nodes, wanted.values(), bars)
    packed = np.zeros(len(bars), np.uint8)
    for rule, position in wanted.items():
        packed |= np.multiply(values[position], np.uint8(_BITS[rule]), dtype=np.uint8)
    packed.flags.writeable = False
    return packed


def evaluate(nodes: Sequence[Node], wanted: Collection[int], bars: Bars) -> dict[int, Value]:
    """The value of each wanted node: an array of shape (bars,), or a single value where it is the same on every bar.

    An array is let go when the last node that needs it has been computed.
    """
    needed = reachable(nodes, wanted)
    last_use = {part: position for position in needed for part in nodes[position].args}
    values: dict[int, Value] = {}
    for position in needed:
        node = nodes[position]
        values[position] = _value(node, [values[part] for part in node.args], bars)
        for part in set(node.args).difference(wanted):
            if last_use[part] == position:
                del values[part]
    return values


def _value(node: Node, operands: list[Value], bars: Bars) -> Value:
    if node.op is Op.CONSTANT:
        # A text is compared before anything is evaluated, so what is left is a number or a truth.
        return node.value if isinstance(node.value, bool) else float(node.value or 0.0)
    if node.op is Op.SERIES:
        return bars.series(node.name)
    result = _computed(node, operands)
    # Read-only arrays are a type of their own to a kernel: with one type everywhere it is compiled once.
    result.flags.writeable = False
    return result


def _computed(node: Node, operands: list[Value]) -> Floats | Flags:
    if node.op is Op.CALL:
        roles = (argument.role for argument in FUNCTIONS[node.name].arguments)
        arguments = zip(roles, operands, strict=True)
        return KERNELS[node.name](*(int(value) if role is Role.LENGTH else value for role, value in arguments))
    if node.op is Op.LAG:
        return lag(np.asarray(operands[0]), node.bars)
    return apply(node.op, operands)

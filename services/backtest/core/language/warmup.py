"""Warm-up: how many bars pass before a strategy may decide.

W is the first bar on which every part of the strategy has a value, lags included; W' is the same with every lag taken
as 0. The first decision is taken on bar max(W, W' + 1), so that each indicator has had a value before.
"""

from collections.abc import Iterable, Sequence

from services.backtest.core.language.functions import FUNCTIONS, Role
from services.backtest.core.language.tree import Node, Op


def warmup_bars(nodes: Sequence[Node], roots: Iterable[int]) -> int:
    """The bars before the first decision, which is also the number of the bar it is taken on, counting from 0."""
    with_lags, without_lags = first_valid(nodes)
    return max(max(with_lags[root], without_lags[root] + 1) for root in roots)


def first_valid(nodes: Sequence[Node]) -> tuple[list[int], list[int]]:
    """The first bar on which each node has a value, and the same with every lag taken as 0."""
    with_lags: list[int] = []
    without_lags: list[int] = []
    for node in nodes:
        hidden = _hidden(node, nodes) if node.op is Op.CALL else 0
        with_lags.append(max([with_lags[position] for position in node.args], default=0) + hidden + node.bars)
        without_lags.append(max([without_lags[position] for position in node.args], default=0) + hidden)
    return with_lags, without_lags


def _hidden(node: Node, nodes: Sequence[Node]) -> int:
    """How many bars a call shows nothing for once all its inputs have begun. Only a primitive is ever a node."""
    function = FUNCTIONS[node.name]
    if function.hidden is None:
        raise ValueError(f"`{node.name}` is a formula, not a primitive")
    lengths = [
        int(nodes[position].value or 0)
        for argument, position in zip(function.arguments, node.args, strict=True)
        if argument.role is Role.LENGTH
    ]
    return function.hidden(*lengths)

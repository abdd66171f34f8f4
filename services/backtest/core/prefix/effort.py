"""What it takes to evaluate a strategy, estimated beforehand: the same strategy is always tried alike."""

from collections.abc import Sequence

from services.backtest.core.language.functions import FUNCTIONS, Role
from services.backtest.core.language.tree import Node

STEPS_A_NODE = 5_000
"""What a node costs on any bars; a step is a fraction of a nanosecond."""
STEPS_A_BAR = 40
"""What a bar costs a node that does not go through a window."""
AFRESH = {"sma": 8, "sum_n": 8, "stddev": 1, "variance": 1, "_mean_deviation": 1}
"""The functions that go through each window afresh, from the first whole one on, and how many bars at a step."""
FROM_THE_START = "percentrank"
"""The function that goes through the beginnings of windows too."""


def steps_of(nodes: Sequence[Node], bars: int) -> int:
    """The steps of one evaluation on so many bars, which are more than any window has."""
    steps = len(nodes) * (STEPS_A_NODE + STEPS_A_BAR * bars)
    for node in nodes:
        if node.name in AFRESH:
            window = _window(node, nodes)
            steps += window * (bars - window) // AFRESH[node.name]
        elif node.name == FROM_THE_START:
            window = _window(node, nodes)
            steps += window * (bars - window // 2)
    return steps


def _window(node: Node, nodes: Sequence[Node]) -> int:
    given = zip(FUNCTIONS[node.name].arguments, node.args, strict=True)
    return max(int(nodes[part].value or 0) for argument, part in given if argument.role is Role.LENGTH)

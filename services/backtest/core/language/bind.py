"""Puts param values into a checked strategy: what is left has numbers for lengths and nothing but series to compute."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.backtest.core.language.draft import Length
from services.backtest.core.language.limits import MAX_WINDOW
from services.backtest.core.language.scalars import ScalarError, fold
from services.backtest.core.language.tree import Node, Op, Place, Scalar, Tree, reachable


@dataclass(frozen=True, slots=True)
class BoundStrategy:
    """A strategy with its params filled in, ready to be evaluated.

    `nodes` come after what they are made of, each distinct one once; `rules` are the positions of the conditions, by
    key. `fraction` is the share of equity a position takes, `warmup_bars` the bars before the first decision.
    """

    spec_hash: str
    params: Mapping[str, Scalar]
    nodes: tuple[Node, ...]
    rules: Mapping[str, int]
    fraction: float
    warmup_bars: int


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of a strategy that has no value with the params at hand."""

    place: Place
    message: str


def single_values(
    tree: Tree, places: Mapping[int, Place], params: Mapping[str, Scalar]
) -> tuple[dict[int, Scalar], list[Problem]]:
    """The value of every node that has one value for all bars, and those that turned out to have none."""
    values: dict[int, Scalar] = {}
    problems: list[Problem] = []
    for position, node in enumerate(tree.nodes):
        if node.op is Op.PARAM:
            values[position] = params[node.name]
        elif node.value is not None:
            values[position] = node.value
        elif not node.kind.is_series and all(argument in values for argument in node.args):
            try:
                values[position] = fold(node.op, [values[argument] for argument in node.args])
            except ScalarError as error:
                problems.append(Problem(places[position], str(error)))
    return values, problems


def length_problems(lengths: Mapping[int, Length], values: Mapping[int, Scalar]) -> list[Problem]:
    """The lengths that are not a whole number of bars, or too long."""
    problems: list[Problem] = []
    for position, length in lengths.items():
        value = values.get(position)
        if value is not None and not (float(value).is_integer() and 1 <= float(value) <= MAX_WINDOW):
            message = f"{length.label} is {float(value):g}; it must be a whole number from 1 to {MAX_WINDOW}"
            problems.append(Problem(length.place, message))
    return problems


def bound_nodes(
    tree: Tree, values: Mapping[int, Scalar], rules: Mapping[str, int]
) -> tuple[tuple[Node, ...], dict[str, int]]:
    """The nodes that `rules` need, constants in the place of all that has one value, and where the rules are now."""
    bound = Tree()
    moved: dict[int, int] = {}
    for position in reachable(tree.nodes, rules.values(), whole=values):
        node = tree.nodes[position]
        if position in values:
            moved[position] = bound.constant(values[position])
        else:
            arguments = tuple(moved[argument] for argument in node.args)
            moved[position] = bound.add(Node(node.op, node.kind, arguments, node.name, bars=node.bars))
    return tuple(bound.nodes), {rule: moved[position] for rule, position in rules.items()}

"""Puts param values into a checked strategy: what is left has numbers for lengths and nothing but series to compute."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.backtest.core.language.document import FRACTION, ROOT
from services.backtest.core.language.draft import Demands
from services.backtest.core.language.scalars import ScalarError, fold
from services.backtest.core.language.sizing import Sizing
from services.backtest.core.language.tree import Node, Op, Place, Scalar, Tree, reachable


@dataclass(frozen=True, slots=True)
class BoundStrategy:
    """A strategy with its params filled in, ready to be evaluated.

    `nodes` come after what they are made of, each distinct one once. `rules` are the positions of the conditions, by
    key, `terms` those of the numbers that go with an order, each a series or the same on every bar: `stop_loss`,
    `take_profit`, `trailing_stop`, and `volatility` when the size follows from it. `warmup_bars` pass before the first
    decision.
    """

    spec_hash: str
    params: Mapping[str, Scalar]
    nodes: tuple[Node, ...]
    rules: Mapping[str, int]
    terms: Mapping[str, int]
    sizing: Sizing
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
                values[position] = fold(node.op, [values[argument] for argument in node.args], node.name)
            except ScalarError as error:
                problems.append(Problem(places[position], str(error)))
    return values, problems


def unmet(demands: Demands, values: Mapping[int, Scalar]) -> list[Problem]:
    """The values that a function cannot take where they stand: a length of 2.5 bars, or of none."""
    problems: list[Problem] = []
    for (position, allowed), demand in demands.items():
        value = values.get(position)
        if value is not None and not allowed.holds(float(value)):
            message = f"{demand.label} is {float(value):g}; it must be {allowed}"
            problems.append(Problem(demand.place, message))
    return problems


def stop_problems(stops: Mapping[str, int], values: Mapping[int, Scalar]) -> list[Problem]:
    """The stops that are the same on every bar and not above 0."""
    problems: list[Problem] = []
    for name, position in stops.items():
        value = values.get(position)
        if value is not None and not float(value) > 0.0:
            message = f"`{name}` is {float(value):g}; it must be above 0: {FRACTION}"
            problems.append(Problem(Place(f"{ROOT}/{name}", 1, 1), message))
    return problems


def bound_nodes(
    tree: Tree, values: Mapping[int, Scalar], roots: Mapping[str, int]
) -> tuple[tuple[Node, ...], dict[str, int]]:
    """The nodes that `roots` need, constants in the place of all that has one value, and where the roots are now."""
    bound = Tree()
    moved: dict[int, int] = {}
    for position in reachable(tree.nodes, roots.values(), whole=values):
        node = tree.nodes[position]
        if position in values:
            moved[position] = bound.constant(values[position])
        else:
            arguments = tuple(moved[argument] for argument in node.args)
            moved[position] = bound.add(Node(node.op, node.kind, arguments, node.name, bars=node.bars))
    return tuple(bound.nodes), {root: moved[position] for root, position in roots.items()}

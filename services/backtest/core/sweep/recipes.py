"""Which series each combination shares with which: every distinct one has a number and a recipe."""

from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from services.backtest.core.language.tree import Node, Op


class Recipe(NamedTuple):
    """How a series is made: what `node` does to its operands, numbers of other series where `is_series`, else values.

    The number of a series that no param changes is below 0: `fixed_number` of its position in the tree.
    """

    node: Node
    operands: tuple[float, ...]
    is_series: tuple[bool, ...]


def fixed_number(position: int) -> int:
    """The number of a series that is the same for all combinations; it is its own inverse."""
    return -1 - position


class Recipes:
    """The recipes met so far. Two combinations, or two places in a strategy, that ask for the same share a number.

    `nodes` are those of the strategy's tree, `fixed` the series among them that no param changes.
    """

    def __init__(self, nodes: Sequence[Node], fixed: Set[int]) -> None:
        self._nodes = nodes
        self._fixed = fixed
        self._operations: dict[tuple[Op, str, int, tuple[bool, ...]], int] = {}
        self._numbers: dict[tuple[int, tuple[float, ...]], int] = {}
        self._recipes: list[Recipe] = []

    def __len__(self) -> int:
        return len(self._recipes)

    def __getitem__(self, number: int) -> Recipe:
        return self._recipes[number]

    def clear(self) -> None:
        """Forget all of them."""
        self._numbers.clear()
        self._recipes.clear()

    def numbers(self, parts: Sequence[int], singles: Mapping[int, Sequence[float]], count: int) -> list[int]:
        """The numbers that the last of `parts` has for `count` combinations.

        `parts` are all the nodes it is made of, itself included, in the order of the tree; `singles` the values of
        those with a single one.
        """
        columns: dict[int, Sequence[float]] = {}
        made: list[int] = []
        for part in parts:
            node = self._nodes[part]
            if part in singles:
                columns[part] = singles[part]
            elif part in self._fixed:
                columns[part] = [fixed_number(part)] * count
            else:
                is_series = tuple(self._nodes[operand].kind.is_series for operand in node.args)
                what = self._operations.setdefault((node.op, node.name, node.bars, is_series), len(self._operations))
                rows = zip(*(columns[operand] for operand in node.args), strict=True)
                columns[part] = made = [self._number(what, row, node, is_series) for row in rows]
        return made

    def _number(self, what: int, operands: tuple[float, ...], node: Node, is_series: tuple[bool, ...]) -> int:
        number = self._numbers.get((what, operands))
        if number is None:
            number = self._numbers[what, operands] = len(self._recipes)
            self._recipes.append(Recipe(node, operands, is_series))
        return number

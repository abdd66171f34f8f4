"""The tree of a strategy: nodes in an order in which each comes after what it is made of, each distinct one once."""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from services.backtest.core.language.kinds import Kind

Scalar = float | bool | str


class Op(StrEnum):
    """What a node does. The values are part of the canonical form: changing one changes every `spec_hash`."""

    SERIES = "series"
    CONSTANT = "constant"
    PARAM = "param"
    LAG = "lag"
    CALL = "call"
    NEGATIVE = "negative"
    ADD = "+"
    SUBTRACT = "-"
    MULTIPLY = "*"
    DIVIDE = "/"
    MODULO = "%"
    POWER = "**"
    GREATER = ">"
    GREATER_EQUAL = ">="
    LESS = "<"
    LESS_EQUAL = "<="
    EQUAL = "=="
    NOT_EQUAL = "!="
    AND = "and"
    OR = "or"
    NOT = "not"


class Node(NamedTuple):
    """One operation.

    `args` are the positions of earlier nodes, `name` is that of a series, param or function, `value` is a
    constant's, `bars` how far a lag reaches back.
    """

    op: Op
    kind: Kind
    args: tuple[int, ...] = ()
    name: str = ""
    value: Scalar | None = None
    bars: int = 0


class Place(NamedTuple):
    """Where a piece of a strategy was written."""

    pointer: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.pointer} line {self.line} column {self.column}"


@dataclass(slots=True)
class Tree:
    """The nodes of a strategy; adding one that is there already gives its position."""

    nodes: list[Node] = field(default_factory=list)
    _positions: dict[Node, int] = field(default_factory=dict, repr=False)

    def add(self, node: Node) -> int:
        """The position of `node`, which is appended unless it is in the tree."""
        position = self._positions.get(node)
        if position is None:
            position = self._positions[node] = len(self.nodes)
            self.nodes.append(node)
        return position

    def constant(self, value: Scalar) -> int:
        """The position of a constant; 1 and 1.0 are one, and so are 0 and -0."""
        kind = kind_of(value)
        return self.add(Node(Op.CONSTANT, kind, value=float(value) + 0.0 if kind is Kind.NUMBER else value))

    def lag(self, position: int, bars: int) -> int:
        """The position of `x[bars]`. `x[0]` is `x`, and `x[1][2]` is `x[3]`."""
        inner = self.nodes[position]
        if bars == 0:
            return position
        if inner.op is Op.LAG:
            return self.lag(inner.args[0], bars + inner.bars)
        return self.add(Node(Op.LAG, inner.kind, (position,), bars=bars))

    def joined(self, op: Op, positions: Iterable[int]) -> tuple[int, ...]:
        """What an `and` or an `or` joins; one inside another of its sort is spelled out flat."""
        flat: list[int] = []
        for position in positions:
            inner = self.nodes[position]
            flat.extend(inner.args if inner.op is op else (position,))
        return tuple(flat)


def reachable(nodes: Sequence[Node], roots: Iterable[int], whole: Container[int] = ()) -> list[int]:
    """The positions that `roots` are made of, themselves included, in order; those in `whole` are not opened."""
    wanted = set(roots)
    for position in range(len(nodes) - 1, -1, -1):
        if position in wanted and position not in whole:
            wanted.update(nodes[position].args)
    return sorted(wanted)


def kind_of(value: Scalar) -> Kind:
    """The kind of a single value."""
    if isinstance(value, bool):
        return Kind.CONDITION
    return Kind.TEXT if isinstance(value, str) else Kind.NUMBER

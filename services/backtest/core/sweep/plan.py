"""The plan of a sweep: what is computed once, what for each value of a param, and what for each combination."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from services.backtest.core.engine.dtypes import Orders, Signal
from services.backtest.core.language.checked import CheckedSpec
from services.backtest.core.language.tree import Node, Op, reachable
from services.backtest.core.sweep.axis import Axis
from services.backtest.core.sweep.first_decision import FirstDecision, first_decision
from services.backtest.core.sweep.instructions import FUNCTIONS, MASKS, OPERATORS
from services.backtest.core.sweep.program import Program, write_program
from services.backtest.core.sweep.single import EACH, FIXED, common_axis
from services.backtest.core.sweep.singles import completed, given

_IN_BLOCKS = {*OPERATORS, *MASKS, Op.LAG, Op.AND, Op.OR, Op.NOT}
OUTPUTS = Orders._fields[1:]
"""The terms of an order, in the order of the kernel's outputs."""


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """A series that combinations share: the nodes it is made of, itself last, and those that make it another one.

    `axis` is the one whose values alone do that, or EACH.
    """

    parts: tuple[int, ...]
    singles: tuple[int, ...]
    axis: int


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How to sweep a strategy over some params, whatever their values.

    `single_nodes` are the nodes with one value for all bars. `fixed` are the series that no param changes, as far as
    anything reads them; `kept` those of them that are rows of numbers; `shared` are the rows that params change.
    """

    spec: CheckedSpec
    program: Program
    single_nodes: tuple[int, ...]
    fixed: frozenset[int]
    kept: tuple[int, ...]
    shared: tuple[Shared, ...]
    first: FirstDecision

    @property
    def nodes(self) -> Sequence[Node]:
        """The nodes of the strategy's tree."""
        return self.spec.tree.nodes


class _Same:
    """A strategy as a key: equal to one whose plan would be the same, which its hash leaves open.

    The hash is of the canonical form, the nodes' places are those of a spelling.
    """

    def __init__(self, spec: CheckedSpec) -> None:
        self.spec = spec

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and (self.spec is other.spec or self._planned_of() == other._planned_of())

    def __hash__(self) -> int:
        return hash(self.spec.spec_hash)

    def _planned_of(self) -> tuple[object, ...]:
        spec = self.spec
        return spec.tree.nodes, spec.rules, spec.terms, spec.params


def plan_sweep(spec: CheckedSpec, axes: Sequence[Axis], sides: tuple[str, ...]) -> Plan:
    """The plan for `spec` with the params of `axes` varied, for its rules on `sides` (`long`, `short`).

    The last plans are kept: a validation sweeps one strategy over many stretches of bars, and a strategy that is read
    anew for each request is the same one.
    """
    # The values of an axis play no part, but that it has some.
    return _planned(_Same(spec), tuple((axis.name, axis.is_span) for axis in axes), sides)


@lru_cache(maxsize=64)
def _planned(same: _Same, axes: tuple[tuple[str, bool], ...], sides: tuple[str, ...]) -> Plan:
    spec, nodes = same.spec, same.spec.tree.nodes
    single_nodes = tuple(position for position, node in enumerate(nodes) if not node.kind.is_series)
    placed = _axes(nodes, axes)
    fixed = {position for position, node in enumerate(nodes) if node.kind.is_series and placed[position] == FIXED}
    rows = {position for position, node in enumerate(nodes) if _is_row(node, varies=placed[position] != FIXED)}
    signals = [(position, Signal[rule.upper()]) for rule, position in spec.rules.items() if rule.endswith(sides)]
    outputs = [(position, OUTPUTS.index(term)) for term, position in spec.terms.items()]
    program = write_program(nodes, rows, signals, outputs)
    shared = tuple(_shared(nodes, position, placed) for position in program.rows if position not in fixed)
    # With no axes all params have their defaults, as those have that are not varied.
    usual = completed(nodes, single_nodes, given(spec, ()))
    known = {position: single for position, single in usual.items() if placed[position] == FIXED}
    read = {part for row in shared for part in row.parts} | {*program.rows, *program.flag_rows}
    roots = [*spec.rules.values(), *spec.terms.values()]
    return Plan(
        spec=spec,
        program=program,
        single_nodes=single_nodes,
        fixed=frozenset(fixed & read),
        kept=tuple(position for position in program.rows if position in fixed),
        shared=shared,
        first=first_decision(nodes, reachable(nodes, roots, whole=single_nodes), roots, known),
    )


def _axes(nodes: Sequence[Node], swept: Sequence[tuple[str, bool]]) -> list[int]:
    """For each node, the axis whose places alone it has a value for: FIXED, a number, or EACH."""
    numbers = {name: EACH if is_span else number for number, (name, is_span) in enumerate(swept)}
    axes: list[int] = []
    for node in nodes:
        axes.append(common_axis([axes[part] for part in node.args]) if node.args else numbers.get(node.name, FIXED))
    return axes


def _is_row(node: Node, *, varies: bool) -> bool:
    """Whether a node is read as a row: what is the same for all, and what needs more than a block of bars.

    A lag is neither: what it is of is read further back.
    """
    if not node.kind.is_series or node.op is Op.LAG:
        return False
    return not varies or not (node.op in _IN_BLOCKS or node.name in FUNCTIONS)


def _shared(nodes: Sequence[Node], position: int, axes: Sequence[int]) -> Shared:
    whole = {part for part, node in enumerate(nodes) if axes[part] == FIXED or not node.kind.is_series}
    parts = reachable(nodes, [position], whole=whole)
    return Shared(tuple(parts), tuple(part for part in parts if not nodes[part].kind.is_series), axes[position])

"""The bar of the first decision, for all combinations of a sweep: what `language/warmup.py` works out, as columns.

The first valid bar of a node is the latest of some terms, each an amount after that of a call whose window depends on
the params. What does not is added up once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Ints
from services.backtest.core.language.functions import FUNCTIONS, Role
from services.backtest.core.language.tree import Node, Op
from services.backtest.core.sweep.combinations import Combinations
from services.backtest.core.sweep.single import operated
from services.backtest.core.sweep.singles import Singles

START = -1
Terms = Mapping[int, int]
"""Bars after the first valid bar of each window, by its number; START is bar 0."""
AT_ONCE: Terms = {START: 0}


@dataclass(frozen=True, slots=True)
class Window:
    """A call that shows nothing for a number of bars that depends on the params."""

    position: int
    inputs: Terms


@dataclass(slots=True)
class FirstDecision:
    """How the first decision follows from the windows."""

    windows: list[Window] = field(default_factory=list)
    terms: Terms = field(default_factory=dict)

    def bars(self, nodes: Sequence[Node], singles: Singles, combinations: Combinations) -> Ints:
        """The bar for each combination, shape (combinations,). All of them are valid."""
        columns: dict[int, Floats] = {START: np.zeros(1)}
        for number, window in enumerate(self.windows):
            node = nodes[window.position]
            hidden = operated(partial(_shown_after, node), [singles[p] for p in _lengths(node)], combinations)
            columns[number] = _latest(window.inputs, columns) + hidden.each(combinations)
        bars = np.empty(len(combinations), np.int64)
        bars[:] = _latest(self.terms, columns)
        return bars


def first_decision(nodes: Sequence[Node], wanted: Iterable[int], roots: Sequence[int], fixed: Singles) -> FirstDecision:
    """How the first decision of the rules at `roots`, made of the nodes `wanted`, follows from the params.

    `wanted` come in the order of the tree, single values not opened; `fixed` are those of them no param changes.
    """
    made = FirstDecision()
    with_lags: dict[int, Terms] = {}
    without_lags: dict[int, Terms] = {}
    for position in wanted:
        node = nodes[position]
        if not node.kind.is_series:
            with_lags[position] = without_lags[position] = AT_ONCE
            continue
        for known in (without_lags, with_lags):
            known[position] = _merged([known[part] for part in node.args])
        if node.op is Op.LAG:
            with_lags[position] = _after(with_lags[position], node.bars)
        elif node.op is Op.CALL:
            _add_call(made, position, nodes, fixed, (without_lags, with_lags))
    ends = [with_lags[root] for root in roots]
    made.terms = _merged([*ends, *(_after(without_lags[root], 1) for root in roots)])
    return made


def _add_call(
    made: FirstDecision,
    position: int,
    nodes: Sequence[Node],
    fixed: Singles,
    known: tuple[dict[int, Terms], dict[int, Terms]],
) -> None:
    lengths = _lengths(nodes[position])
    if all(length in fixed for length in lengths):
        hidden = _shown_after(nodes[position], *(fixed[length].values for length in lengths))[0]
        for terms in known:
            terms[position] = _after(terms[position], int(hidden[0]))
        return
    without_lags, with_lags = known
    same = without_lags[position] == with_lags[position]
    for terms in known[:1] if same else known:
        made.windows.append(Window(position, terms[position]))
        terms[position] = {len(made.windows) - 1: 0}
    if same:
        with_lags[position] = without_lags[position]


def _lengths(node: Node) -> list[int]:
    arguments = zip(FUNCTIONS[node.name].arguments, node.args, strict=True)
    return [part for argument, part in arguments if argument.role is Role.LENGTH]


def _shown_after(node: Node, *lengths: Floats) -> tuple[Floats, None]:
    """How many bars a call shows nothing for, by its lengths."""
    hidden = FUNCTIONS[node.name].hidden
    if hidden is None:
        raise ValueError(f"`{node.name}` is a formula, not a primitive")
    return np.atleast_1d(np.asarray(hidden(*lengths), np.float64)), None


def _merged(parts: Sequence[Terms]) -> Terms:
    if len(parts) == 1:
        return parts[0]
    merged: dict[int, int] = {}
    for terms in parts:
        for number, bars in terms.items():
            merged[number] = max(merged.get(number, 0), bars)
    return merged or AT_ONCE


def _after(terms: Terms, bars: int) -> Terms:
    return {number: at + bars for number, at in terms.items()} if bars else terms


def _latest(terms: Terms, columns: Mapping[int, Floats]) -> Floats:
    first, *others = (columns[number] + bars for number, bars in terms.items())
    return reduce(np.maximum, others, first)

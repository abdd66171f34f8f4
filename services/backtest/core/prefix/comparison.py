"""What a strategy decides on each bar, and the first bar on which two evaluations decide otherwise."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from services.backtest.core.bars import Bars
from services.backtest.core.engine.dtypes import Flags, Floats
from services.backtest.core.engine.evaluate import evaluate
from services.backtest.core.language import BoundStrategy

Decisions = Mapping[str, Floats | Flags]
"""By rule and by term, each of the shape (bars,)."""


class Difference(NamedTuple):
    """Where two evaluations differ, and what each says there; None for no number."""

    part: str
    bar: int
    one: float | bool | None
    other: float | bool | None


def decisions(strategy: BoundStrategy, bars: Bars, between: Callable[[], None]) -> Decisions:
    """Each rule, and each term that goes with an order: the stops, and the volatility when the size follows from it.

    `between` is called before each part.
    """
    roots = {**strategy.rules, **strategy.terms}
    values = evaluate(strategy.nodes, set(roots.values()), bars, between)
    return {part: np.broadcast_to(values[position], len(bars)) for part, position in roots.items()}


def first_difference(one: Decisions, other: Decisions, stop: int) -> Difference | None:
    """The first bar before `stop` on which they are not the same to the bit; no number equals no number."""
    first: Difference | None = None
    for part, expected in one.items():
        found = other[part]
        differing = np.flatnonzero(_differs(expected[:stop], found[:stop]))
        if len(differing) and (first is None or differing[0] < first.bar):
            bar = int(differing[0])
            first = Difference(part, bar, _plain(expected[bar]), _plain(found[bar]))
    return first


def _differs(one: Floats | Flags, other: Floats | Flags) -> Flags:
    if one.dtype != np.float64:
        return np.not_equal(one, other)
    bits = np.not_equal(np.ascontiguousarray(one).view(np.int64), np.ascontiguousarray(other).view(np.int64))
    return np.logical_and(bits, ~(np.isnan(one) & np.isnan(other)))


def _plain(value: np.float64 | np.bool_) -> float | bool | None:
    if isinstance(value, np.bool_):
        return bool(value)
    return None if np.isnan(value) else float(value)

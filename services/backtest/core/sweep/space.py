"""The combinations that a sweep tries: a grid of params, or a random sample of it, less what the constraints forbid.

They are numbered before the constraints are looked at, and any range of numbers can be had by itself, in any process,
at the cost of that range alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from services.backtest.core.engine.dtypes import Flags
from services.backtest.core.language.checked import CheckedSpec
from services.backtest.core.language.errors import SpecError
from services.backtest.core.language.params import whole
from services.backtest.core.language.tree import reachable
from services.backtest.core.sweep.axis import Axis
from services.backtest.core.sweep.combinations import Combinations
from services.backtest.core.sweep.draws import Draws, Ordered, product, sample_of
from services.backtest.core.sweep.grid import InvalidSpace, read_grid
from services.backtest.core.sweep.singles import Singles, completed, given, spans

MAX_COMBINATIONS = 10_000_000
"""Combinations of one sweep, the constraints not yet applied."""
MAX_DRAWS = 5 * MAX_COMBINATIONS
"""Draws looked at before a sample is given up as smaller than asked for."""
AT_ONCE = 65_536
"""Combinations that are looked at together."""


@dataclass(frozen=True, slots=True, eq=False)
class Space:
    """The combinations of one sweep.

    `stop` is where their numbers end, constraints not applied; `count` is how many combinations there are. `singles`
    are the params as far as they are known without the combinations.
    """

    spec: CheckedSpec
    axes: tuple[Axis, ...]
    draws: Draws
    stop: int
    count: int
    singles: Singles = field(repr=False)

    @classmethod
    def read(cls, spec: CheckedSpec, grid: object, sample: object = None, seed: int = 0) -> "Space":
        """The space a request asks for: `grid` by param, `sample` as `{"n": 1000, "seed": 7}`, or None for all of it.

        Params that are not named keep their defaults. A sample is without replacement and the same for the same seed,
        which is `seed` unless it names its own; it is smaller than asked for when there are not so many combinations.
        Raises InvalidSpace, with pointers under `/grid` and `/sample`.
        """
        axes = read_grid(spec.params, grid, sampled=sample is not None)
        most, draws = _wanted(axes, sample, seed)
        singles = completed(spec.tree.nodes, _of_constraints(spec), given(spec, axes))
        if not spec.constraints:
            return cls(spec, axes, draws, most, most, singles)
        stop, count = _counted(spec, axes, draws, most, singles)
        if count == 0:
            raise _refused("/grid", "no combination fulfils the strategy's constraints; give other values")
        return cls(spec, axes, draws, stop, count, singles)

    def combinations(self, start: int, stop: int) -> Combinations:
        """Those numbered `start` up to but without `stop` that fulfil the constraints, in order."""
        drawn = Combinations(self.axes, self.draws.take(start, stop), stop - start)
        return drawn.where(_allowed(self.spec, self.singles, drawn)) if self.spec.constraints else drawn


def _of_constraints(spec: CheckedSpec) -> list[int]:
    return reachable(spec.tree.nodes, [constraint.position for constraint in spec.constraints])


def _allowed(spec: CheckedSpec, singles: Singles, drawn: Combinations) -> Flags:
    """Where no constraint is broken. One that has no value is not broken: the combination is invalid instead."""
    values = completed(spec.tree.nodes, _of_constraints(spec), singles | spans(spec, drawn), drawn)
    allowed = np.ones(len(drawn), np.bool_)
    for constraint in spec.constraints:
        single = values[constraint.position]
        held, missing = single.each(drawn) != 0.0, single.missing_in(drawn)
        allowed &= held if missing is None else held | missing
    return allowed


def _counted(spec: CheckedSpec, axes: tuple[Axis, ...], draws: Draws, most: int, singles: Singles) -> tuple[int, int]:
    """Where the numbers end, and how many combinations there are until then: all of a grid's, `most` of a sample's."""
    sampled = not isinstance(draws, Ordered)
    end = most if not sampled else MAX_DRAWS if draws.most is None else min(MAX_DRAWS, draws.most)
    count = 0
    for start in range(0, end, AT_ONCE):
        size = min(AT_ONCE, end - start)
        places = np.flatnonzero(_allowed(spec, singles, Combinations(axes, draws.take(start, start + size), size)))
        if sampled and count + len(places) >= most:
            return start + int(places[most - count - 1]) + 1, most
        count += len(places)
    return end, count


def _wanted(axes: tuple[Axis, ...], sample: object, seed: int) -> tuple[int, Draws]:
    """How many combinations are asked for, constraints not applied, and what they are taken from."""
    if sample is None:
        size = product(axes)
        if size > MAX_COMBINATIONS:
            message = f"there are {size:,} combinations, {MAX_COMBINATIONS:,} are allowed; take a sample of them"
            raise _refused("/grid", message)
        return size, Ordered(axes)
    if not isinstance(sample, Mapping) or not sample.keys() <= {"n", "seed"}:
        raise _refused("/sample", 'write how many combinations to draw, as {"n": 1000}, or null for all of the grid')
    try:
        n = whole(sample.get("n"))
    except ValueError:
        n = 0
    if not 1 <= n <= MAX_COMBINATIONS:
        raise _refused("/sample/n", f"write how many combinations to draw: 1 to {MAX_COMBINATIONS:,}")
    try:
        draws = sample_of(axes, whole(sample.get("seed", seed)))
    except ValueError as problem:
        raise _refused("/sample/seed", str(problem)) from None
    return n if draws.most is None else min(n, draws.most), draws


def _refused(pointer: str, message: str) -> InvalidSpace:
    return InvalidSpace(f"{pointer}: {message}", errors=(SpecError(pointer, message),))

"""Who shares what: the series of each combination, and which combinations run together so that their rows fit."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from services.backtest.core.engine.dtypes import Ints
from services.backtest.core.sweep.combinations import Combinations
from services.backtest.core.sweep.plan import Shared
from services.backtest.core.sweep.recipes import Recipes
from services.backtest.core.sweep.single import EACH, FIXED
from services.backtest.core.sweep.singles import Singles


class Sharing(NamedTuple):
    """One series of the program: the group of each combination, shape (combinations,), and the series of each group."""

    groups: Ints
    numbers: list[int]

    def of(self, places: Ints) -> "Sharing":
        """The same for some of the combinations."""
        met, groups = np.unique(self.groups[places], return_inverse=True)
        return Sharing(groups, [self.numbers[group] for group in met.tolist()])


class Groups(NamedTuple):
    """Combinations grouped by what they share: the group of each, and one combination of each group."""

    groups: Ints
    examples: Ints


def shared_series(
    shared: Sequence[Shared], singles: Singles, combinations: Combinations, recipes: Recipes
) -> list[Sharing]:
    """For each shared series, which of its forms the combinations take."""
    made: list[Sharing] = []
    by_axis: dict[int, Groups] = {}
    for row in shared:
        if row.axis == EACH:
            grouped = _by_values(row, singles, combinations)
        elif row.axis in by_axis:
            grouped = by_axis[row.axis]
        else:
            size = len(combinations.axes[row.axis].values)
            grouped = by_axis[row.axis] = _by_digit(combinations.places(row.axis), size)
        values = {part: _at(singles, part, combinations, grouped.examples) for part in row.singles}
        made.append(Sharing(grouped.groups, recipes.numbers(row.parts, values, len(grouped.examples))))
    return made


def batches(sharing: Sequence[Sharing], room: int) -> Iterator[Ints]:
    """The places of the combinations, in an order in which few rows serve many, in batches that take `room` rows.

    Every batch has one combination at least, whatever it takes.
    """
    numbers = np.array([np.array(series.numbers)[series.groups] for series in sharing])
    # Squares of forms by forms, one after the other.
    side = max(room // len(numbers), 1)
    order = np.lexsort(tuple(np.unique(row, return_inverse=True)[1] // side for row in reversed(numbers)))
    held, start = set[int](), 0
    for place, row in enumerate(numbers.T[order].tolist()):
        further = {number for number in row if number not in held}
        if len(held) + len(further) > room and place > start:
            yield order[start:place]
            held, start = set(row), place
        else:
            held |= further
    yield order[start:]


def _at(singles: Singles, part: int, combinations: Combinations, examples: Ints) -> list[float]:
    """The single values of some combinations."""
    single = singles[part]
    if single.axis == FIXED:
        values = np.repeat(single.values, len(examples))
    else:
        values = single.values[examples if single.axis == EACH else combinations.places(single.axis)[examples]]
    # As a constant in a bound strategy, 0 has no sign.
    signless: list[float] = (values + 0.0).tolist()
    return signless


def _by_digit(digits: Ints, size: int) -> Groups:
    """Grouped by the place on one axis."""
    example = np.full(size, -1, np.int64)
    example[digits] = np.arange(len(digits))
    if example.min() >= 0:
        return Groups(digits, example)
    met = np.flatnonzero(example >= 0)
    groups = np.empty(size, np.int64)
    groups[met] = np.arange(len(met))
    return Groups(groups[digits], example[met])


def _by_values(row: Shared, singles: Singles, combinations: Combinations) -> Groups:
    """Grouped by the values that make the series another one."""
    code = np.zeros(len(combinations), np.int64)
    for part in row.singles:
        if singles[part].axis != FIXED:
            distinct, digits = np.unique(singles[part].each(combinations), return_inverse=True)
            # Numbered afresh each time, so that the product cannot run over.
            code = np.unique(code * len(distinct) + digits, return_inverse=True)[1]
    _, examples, groups = np.unique(code, return_index=True, return_inverse=True)
    return Groups(groups, examples)

"""Combinations of params, as columns: never an object for each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.backtest.core.engine.dtypes import Flags, Floats, Ints
from services.backtest.core.language.tree import Scalar
from services.backtest.core.sweep.axis import Axis, Values, column_of

Digits = Ints | Floats
"""Where combinations are on an axis: places in its values (int64), or on a span, the values themselves (float64)."""


@dataclass(frozen=True, slots=True, eq=False)
class Combinations:
    """Some combinations: `digits` has one column of the shape (combinations,) for each axis."""

    axes: tuple[Axis, ...]
    digits: tuple[Digits, ...]
    size: int

    def __len__(self) -> int:
        return self.size

    def places(self, axis: int) -> Ints:
        """Where on an axis that is no span each combination is."""
        return self.digits[axis].astype(np.int64, copy=False)

    def drawn(self, axis: int) -> Floats:
        """What was drawn from a span for each combination."""
        return self.digits[axis].astype(np.float64, copy=False)

    def where(self, wanted: Flags) -> "Combinations":
        """Those for which `wanted`, of the shape (combinations,), is true, in their order."""
        if wanted.all():
            return self
        digits = tuple(column[wanted] for column in self.digits)
        return Combinations(self.axes, digits, int(np.count_nonzero(wanted)))

    def params(self, index: int) -> dict[str, Scalar]:
        """One combination by the names of its params."""
        return {
            axis.name: float(column[index]) if axis.is_span else axis.values[int(column[index])]
            for axis, column in zip(self.axes, self.digits, strict=True)
        }

    def columns(self) -> dict[str, Values]:
        """The values by the names of the params."""
        return {
            axis.name: self.drawn(number) if axis.is_span else column_of(axis.values)[self.places(number)]
            for number, axis in enumerate(self.axes)
        }


def joined(parts: Sequence[Combinations]) -> Combinations:
    """The combinations of all parts, which have the same axes, one part after the other."""
    digits = tuple(np.concatenate(columns) for columns in zip(*(part.digits for part in parts), strict=True))
    return Combinations(parts[0].axes, digits, sum(part.size for part in parts))

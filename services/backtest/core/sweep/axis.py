"""An axis of a sweep: one param and the values it is to have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.backtest.core.engine.dtypes import Flags, Floats, Ints
from services.backtest.core.language.tree import Scalar

Values = Ints | Floats | Flags | np.ndarray[tuple[int], np.dtype[np.str_]]
"""A column of a param: int64, float64, bool, or fixed-width text."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The values of one param, each distinct one once; without any it is the span from `low` up to but without `high`.

    A span is for random samples alone.
    """

    name: str
    values: tuple[Scalar, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @property
    def is_span(self) -> bool:
        """Whether any number between the ends may be drawn."""
        return not self.values


def column_of(values: Sequence[Scalar]) -> Values:
    """The values in an array of the narrowest sort that holds each as it is."""
    sorts = {type(value) for value in values}
    if sorts == {bool}:
        return np.array(values, np.bool_)
    if sorts == {str}:
        return np.array(values, np.str_)
    return np.array(values, np.int64) if sorts == {int} else np.array(values, np.float64)

"""A value that is the same on every bar, for all combinations of a sweep at once.

What follows from one param alone is worked out for each of that param's values, what no param of the sweep reaches
once, and only the rest for each combination.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from services.backtest.core.engine.dtypes import Flags, Floats
from services.backtest.core.sweep.combinations import Combinations

FIXED, EACH = -1, -2
"""In the place of an axis: one value for all, and one for each combination."""

T = TypeVar("T", bound=np.generic)


@dataclass(frozen=True, slots=True, eq=False)
class Single:
    """Values over the places of an axis, (1,) for a fixed one, or (combinations,).

    A condition is 1 or 0, a text its number. `missing` marks those there are none for; None is nowhere.
    """

    axis: int
    values: Floats
    missing: Flags | None = None

    def each(self, combinations: Combinations) -> Floats:
        """The value for each combination, shape (combinations,)."""
        return spread(self.axis, self.values, combinations)

    def missing_in(self, combinations: Combinations) -> Flags | None:
        """Where there is none, shape (combinations,); None for nowhere."""
        return None if self.missing is None else spread(self.axis, self.missing, combinations)


def spread(axis: int, values: NDArray[T], combinations: Combinations) -> NDArray[T]:
    """What stands at the places of an axis, for each combination."""
    if axis == EACH:
        return values
    if axis == FIXED:
        return np.broadcast_to(values, (len(combinations),))
    return values[combinations.places(axis)]


def common_axis(axes: Iterable[int]) -> int:
    """What an operation on parts that have a value for each place of `axes` has a value for each place of."""
    varied = set(axes) - {FIXED}
    if len(varied) > 1:
        return EACH
    return varied.pop() if varied else FIXED


def takes_combinations(parts: Sequence[Single]) -> bool:
    """Whether an operation on `parts` brings values of several axes together."""
    return common_axis(part.axis for part in parts) == EACH and any(part.axis not in {FIXED, EACH} for part in parts)


def operated(
    function: Callable[..., tuple[Floats, Flags | None]], parts: Sequence[Single], combinations: Combinations | None
) -> Single:
    """`function` of the values of `parts`; it answers values and where they are missing.

    The combinations may be left out where it does not take them.
    """
    values, missing = [part.values for part in parts], [part.missing for part in parts]
    if combinations is not None and takes_combinations(parts):
        values = [part.each(combinations) for part in parts]
        missing = [part.missing_in(combinations) for part in parts]
    made, lost = function(*values)
    for mask in missing:
        if mask is not None:
            lost = mask if lost is None else lost | mask
    return Single(common_axis(part.axis for part in parts), made, lost)


def by_value(function: Callable[..., float | None], *columns: Floats) -> tuple[Floats, Flags | None]:
    """`function` called once for each distinct row of the columns; it answers None where it has no value."""
    rows = np.stack(np.broadcast_arrays(*columns), axis=1)
    distinct, inverse = np.unique(rows, axis=0, return_inverse=True)
    results = [function(*row) for row in distinct.tolist()]
    lost = np.array([result is None for result in results])
    values = np.array([0.0 if result is None else result for result in results])
    inverse = inverse.reshape(-1)
    return values[inverse], lost[inverse] if lost.any() else None

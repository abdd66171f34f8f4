"""The result of a sweep: compact columns, one place for each combination."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.backtest.core.engine.dtypes import Flags, Floats, Ints, Ten
from services.backtest.core.sweep.axis import Values
from services.backtest.core.sweep.combinations import Combinations, joined

LOWER_IS_BETTER = {"volatility"}


@dataclass(frozen=True, slots=True, eq=False)
class SweepResult:
    """What came of each combination, in the order of the space.

    `metrics` has the shape (10, combinations), in the order of Ten; NaN is undefined. A combination that is not `valid`
    has none: its params make a length, a stop or an operation of the strategy impossible. Binding it says why.
    """

    combinations: Combinations
    metrics: Floats
    valid: Flags

    def __len__(self) -> int:
        return len(self.combinations)

    @property
    def params(self) -> dict[str, Values]:
        """The columns of the params, made when asked for."""
        return self.combinations.columns()

    def metric(self, name: str) -> Floats:
        """The column of one metric, contiguous and without a copy."""
        column: Floats = self.metrics[Ten._fields.index(name)]
        return column

    def best(self, name: str, k: int) -> Ints:
        """The places of the `k` best by a metric, the best first, undefined ones last, equals in order of place.

        The highest is best, the lowest of volatility.
        """
        column = self.metric(name)
        score = column if name in LOWER_IS_BETTER else -column
        places = np.arange(len(score))
        if k < len(score):
            # NaN sorts last, so it is the edge only where all that is defined is among the best.
            edge = np.partition(score, k - 1)[k - 1] if k > 0 else -np.inf
            places = places if np.isnan(edge) else np.flatnonzero(score <= edge)
        return places[np.argsort(score[places], kind="stable")][:k]


def concatenated(parts: Sequence[SweepResult]) -> SweepResult:
    """One result of slices in their order."""
    if len(parts) == 1:
        return parts[0]
    return SweepResult(
        joined([part.combinations for part in parts]),
        np.concatenate([part.metrics for part in parts], axis=1),
        np.concatenate([part.valid for part in parts]),
    )

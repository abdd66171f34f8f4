"""Which combinations can be run: those that binding by itself would not refuse."""

import numpy as np

from services.backtest.core.engine.dtypes import Flags
from services.backtest.core.language.checked import CheckedSpec
from services.backtest.core.language.functions import Range
from services.backtest.core.sweep.combinations import Combinations
from services.backtest.core.sweep.single import Single, spread
from services.backtest.core.sweep.singles import Singles


def valid(spec: CheckedSpec, singles: Singles, combinations: Combinations) -> Flags:
    """Where every operation on params has a value, every argument is in its range, and every stop is above 0.

    `singles` are all single values of the strategy; the answer has the shape (combinations,).
    """
    refused = [(single.axis, single.missing) for single in singles.values() if single.missing is not None]
    refused += [_outside(allowed, singles[position]) for position, allowed in spec.demands if position in singles]
    refused += [_not_above_0(singles[position]) for position in spec.terms.values() if position in singles]
    held = np.ones(len(combinations), np.bool_)
    for axis, mask in refused:
        if mask.any():
            held &= ~spread(axis, mask, combinations)
    return held


def _outside(allowed: Range, single: Single) -> tuple[int, Flags]:
    inside = (single.values >= allowed.least) & (single.values <= allowed.most)
    if allowed.whole:
        inside &= single.values == np.floor(single.values)
    return single.axis, ~inside


def _not_above_0(single: Single) -> tuple[int, Flags]:
    return single.axis, ~(single.values > 0.0)

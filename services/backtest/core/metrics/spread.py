"""Spread: the standard deviation, where there is one."""

from services.backtest.core.engine.dtypes import Floats

ROUNDING = 1e-12
"""A spread below this share of the largest value is what rounding leaves of equal values."""


def spread(values: Floats, largest: float | None = None) -> float | None:
    """The sample standard deviation (ddof 1); None for fewer than two values, or when they are all the same.

    `largest` is the magnitude of what the values were made from, where that is more than their own.
    """
    if len(values) < 2:
        return None
    scale = magnitude(values) if largest is None else largest
    deviation = float(values.std(ddof=1))
    return deviation if deviation > ROUNDING * scale else None


def magnitude(values: Floats) -> float:
    """The largest absolute value of at least one."""
    return max(float(values.max()), -float(values.min()))

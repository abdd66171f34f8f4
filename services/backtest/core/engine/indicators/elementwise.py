"""Functions of one bar's values. A missing value makes a missing one."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel


@kernel
def absolute(x: Floats) -> Floats:
    """x without its sign."""
    return np.abs(x)


@kernel
def smaller(a: Floats | float, b: Floats | float) -> Floats:
    """The smaller of the two on each bar; at least one is a series."""
    return np.minimum(a, b)


@kernel
def greater(a: Floats | float, b: Floats | float) -> Floats:
    """The greater of the two on each bar; at least one is a series."""
    return np.maximum(a, b)


@kernel
def logarithm(x: Floats) -> Floats:
    """The natural logarithm, missing at 0 and below."""
    out = np.full(len(x), np.nan)
    for bar in range(len(x)):
        if x[bar] > 0.0:
            out[bar] = np.log(x[bar])
    return out


@kernel
def root(x: Floats) -> Floats:
    """The square root, missing below 0."""
    return np.sqrt(x)


@kernel
def sign(x: Floats) -> Floats:
    """1 above 0, -1 below, 0 at 0."""
    return np.sign(x)

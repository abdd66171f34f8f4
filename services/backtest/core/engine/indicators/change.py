"""How far a series has moved."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.engine.jit import kernel


@kernel
def change(x: Floats, n: int) -> Floats:
    """x less x of n bars ago; the first value comes on bar n. Source: Pine's `ta.change`, TA-Lib's MOM."""
    out = np.full(len(x), np.nan)
    for bar in range(n, len(x)):
        out[bar] = x[bar] - x[bar - n]
    return out


@kernel
def roc(x: Floats, n: int) -> Floats:
    """The change over n bars in percent of where it began; the first value comes on bar n. Source: TA-Lib's ROC."""
    out = np.full(len(x), np.nan)
    for bar in range(n, len(x)):
        out[bar] = 100.0 * (x[bar] - x[bar - n]) / x[bar - n]
    return out

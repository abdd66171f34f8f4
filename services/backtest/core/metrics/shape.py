"""The shape of the returns' distribution: to which side it leans, how heavy its ends are."""

import numpy as np

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.metrics.returns import variation


def shape(returns: Floats) -> tuple[float, float] | tuple[None, None]:
    """Skew m_3 / m_2^1.5 and kurtosis m_4 / m_2^2 with m_k = mean((r - mean(r))^k); None when the returns do not vary.

    Both are biased, as the probabilistic Sharpe ratio takes them, and the kurtosis is in full: 3 for a normal one.
    """
    if variation(returns) is None:
        return None, None
    apart = returns - returns.mean()
    apart /= np.abs(apart).max()  # so that no power over- or underflows
    squares = apart * apart
    second = float(squares.mean())
    return float((squares * apart).mean()) / second**1.5, float((squares * squares).mean()) / second**2

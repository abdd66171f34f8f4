"""Significance: how sure it is that a Sharpe ratio is not luck."""

import math


def probabilistic_sharpe(ratio: float, returns: int, skew: float, kurtosis: float) -> float | None:
    """Phi(SR * sqrt(n - 1) / sqrt(1 - g3 * SR + (g4 - 1) / 4 * SR^2)): the probability that the true ratio is above 0.

    `ratio` is that of the bars, not annualised, `skew` and `kurtosis` are biased, the latter 3 for a normal
    distribution. None when the root is 0, as it is of returns that take two values alone and have the wrong mean.

    Source: D. Bailey and M. López de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012,
    with the variance at the ratio observed.
    """
    variance = 1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio
    if not variance > 0.0:
        return None
    return 0.5 * math.erfc(-ratio * math.sqrt(returns - 1) / math.sqrt(variance) / math.sqrt(2.0))

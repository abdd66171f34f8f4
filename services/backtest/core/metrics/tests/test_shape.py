"""The shape of the returns' distribution."""

import numpy as np
import pytest
from scipy import stats

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.metrics.returns import bar_returns
from services.backtest.core.metrics.shape import shape

EVENLY = bar_returns(100.0 * (1.0 + 1e-6) ** np.arange(500.0))
"""Alike but for the rounding of the equities they are between."""


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1e100])
@pytest.mark.parametrize("count", [2, 3, 50, 4000])
def test_the_shape_is_scipys(count: int, scale: float) -> None:
    """Biased both, the kurtosis in full, at any size of the numbers."""
    returns = np.random.default_rng(count).gamma(2.0, 1.0, count)
    expected = (stats.skew(returns), stats.kurtosis(returns, fisher=False))
    assert shape(returns * scale) == pytest.approx(expected, rel=1e-9)


def test_a_normal_distribution_has_the_kurtosis_3() -> None:
    """It is not the excess."""
    skew, kurtosis = shape(np.random.default_rng(1).normal(size=200_000))
    assert skew == pytest.approx(0.0, abs=0.02)
    assert kurtosis == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize("returns", [np.array([]), np.array([0.1]), np.full(9, 0.1), np.zeros(3), EVENLY])
def test_what_does_not_vary_has_no_shape(returns: Floats) -> None:
    """None, not 0 and not a warning."""
    assert shape(returns) == (None, None)

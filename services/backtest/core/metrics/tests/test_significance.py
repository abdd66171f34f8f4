"""How sure a Sharpe ratio is."""

import math

import pytest
from scipy import stats

from services.backtest.core.metrics.significance import probabilistic_sharpe


@pytest.mark.parametrize(
    ("skew", "kurtosis", "expected", "printed"),
    [
        # Bailey and López de Prado 2012, the hedge fund: monthly ratio 0.458 in 24 months; the same if it were normal.
        (-2.448, 10.164, 0.913361083860933, 0.913),
        (0.0, 3.0, 0.9816749190910771, 0.982),
    ],
)
def test_the_examples_of_the_paper(skew: float, kurtosis: float, expected: float, printed: float) -> None:
    """To the last digit as worked out elsewhere, and to the three that the paper prints."""
    ours = probabilistic_sharpe(0.458, 24, skew, kurtosis)
    assert ours == pytest.approx(expected, rel=1e-12)
    assert ours == pytest.approx(printed, abs=5e-4)


@pytest.mark.parametrize("ratio", [-3.0, -0.05, 0.0, 0.05, 3.0])
def test_the_distribution_is_normal(ratio: float) -> None:
    """Against scipy's, far into both ends."""
    expected = stats.norm.cdf(ratio * math.sqrt(99) / math.sqrt(1 - 0.3 * ratio + 0.75 * ratio**2))
    assert probabilistic_sharpe(ratio, 100, 0.3, 4.0) == pytest.approx(expected, rel=1e-9)


def test_without_a_variance_there_is_no_probability() -> None:
    """Two values alone can make the root 0: skew 2 at a ratio of 1 has the kurtosis 5, the least there is."""
    assert probabilistic_sharpe(1.0, 10, 2.0, 5.0) is None

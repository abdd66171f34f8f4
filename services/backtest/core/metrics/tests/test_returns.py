"""Returns between bar closes."""

import numpy as np

from services.backtest.core.metrics.returns import bar_returns, paired_returns

RUINED, OTHER = np.array([100.0, 110.0, 55.0, 0.0, 0.0]), np.array([50.0, 50.0, 100.0, 150.0, 75.0])


def test_returns_are_between_closes_and_end_with_ruin() -> None:
    """One fewer than bars; the fall to 0 is the last of them."""
    np.testing.assert_allclose(bar_returns(OTHER), [0.0, 1.0, 0.5, -0.5])
    np.testing.assert_allclose(bar_returns(RUINED), [0.1, -0.5, -1.0])
    assert len(bar_returns(np.array([0.0]))) == len(bar_returns(np.array([1.0]))) == 0


def test_pairs_are_of_the_same_bars() -> None:
    """Whichever of the two is ruined first, both end there; else they have a return for every bar but the first."""
    for pair in (paired_returns(RUINED, OTHER), paired_returns(OTHER, RUINED)[::-1]):
        np.testing.assert_allclose(pair, [[0.1, -0.5, -1.0], [0.0, 1.0, 0.5]])
    np.testing.assert_allclose(paired_returns(OTHER, 2 * OTHER), [bar_returns(OTHER)] * 2)

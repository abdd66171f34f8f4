"""Drawdowns."""

import numpy as np
import pytest

from services.backtest.core.metrics.drawdown import drawdown, max_drawdown_bars


def test_the_initial_cash_is_a_peak() -> None:
    """A run that only loses is down from what it began with."""
    np.testing.assert_allclose(drawdown(np.array([90.0, 120.0, 60.0, 120.0, 0.0]), 100.0), [-0.1, 0, -0.5, 0, -1])


@pytest.mark.parametrize(
    ("drawdowns", "bars"),
    [([0.0], 0), ([-0.1], 1), ([0, -0.1, -0.2, 0, -0.5], 2), ([-0.1, 0, -0.1, -0.2, -0.1], 3), ([-0.1] * 4, 4)],
)
def test_the_longest_is_counted_in_bars_below_the_peak(drawdowns: list[float], bars: int) -> None:
    """One that has not ended counts as far as it has got."""
    assert max_drawdown_bars(np.array(drawdowns, np.float64)) == bars

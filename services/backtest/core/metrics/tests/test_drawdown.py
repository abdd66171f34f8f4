"""Drawdowns."""

import numpy as np
import pytest

from services.backtest.core.metrics.drawdown import drawdown, longest_drawdown

DAY = 86_400 * 10**9


def test_the_initial_cash_is_a_peak() -> None:
    """A run that only loses is down from what it began with."""
    np.testing.assert_allclose(drawdown(np.array([90.0, 120.0, 60.0, 120.0, 0.0]), 100.0), [-0.1, 0, -0.5, 0, -1])


@pytest.mark.parametrize(
    ("drawdowns", "bars", "days"),
    [
        ([0.0], 0, 0.0),
        ([-0.1], 1, 0.0),
        ([0, -0.1], 1, 1.0),
        ([0, -0.1, -0.2, 0, -0.5], 2, 2.0),
        ([-0.1, 0, -0.1, -0.2, -0.1], 3, 3.0),
        ([-0.1] * 4, 4, 3.0),
        ([0, 0, 0, 0], 0, 0.0),
    ],
)
def test_the_longest_is_counted_below_the_peak(drawdowns: list[float], bars: int, days: float) -> None:
    """One that has not ended counts as far as it has got; the time is from the bar of its peak."""
    time = np.arange(len(drawdowns), dtype=np.int64) * DAY
    assert longest_drawdown(np.array(drawdowns, np.float64), time) == (bars, days)


def test_bars_and_days_may_be_of_different_drawdowns() -> None:
    """Two bars below over a long weekend last longer than three in a row."""
    time = np.array([0, 1, 2, 3, 4, 5.5, 24]) * DAY
    assert longest_drawdown(np.array([0, -0.1, -0.1, -0.1, 0, -0.1, -0.1]), time.astype(np.int64)) == (3, 20.0)

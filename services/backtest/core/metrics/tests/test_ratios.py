"""Ratios of what a run brought to what it put at stake."""

import numpy as np
import pytest

from services.backtest.core.metrics.ratios import calmar, omega


@pytest.mark.parametrize(
    ("growth", "worst", "expected"),
    [
        # Reference runs of another engine, whose growth is counted in bars: SMA 10/20 on AAPL and on EUR/USD.
        (0.23102611708514176, -0.4780994910747772, 0.4832176594996795),
        (-0.2344741438190011, -0.2507243762697564, -0.9351868665802501),
        (0.3, 0.0, None),
        (None, -0.2, None),
    ],
)
def test_calmar_is_the_growth_over_the_drawdown(growth: float | None, worst: float, expected: float | None) -> None:
    """As others make it; without a drawdown, or a rate, there is none."""
    assert calmar(growth, worst) == (None if expected is None else pytest.approx(expected, rel=1e-12))


def test_omega_is_the_gains_over_the_losses() -> None:
    """At the threshold 0: what lies above it over what lies below; nothing below, nothing to divide by."""
    assert omega(np.array([0.10, -0.05, 0.02, -0.01, 0.0])) == pytest.approx(0.12 / 0.06)
    assert omega(np.array([-0.1])) == 0.0
    assert omega(np.array([0.1, 0.0])) is None
    assert omega(np.array([])) is None

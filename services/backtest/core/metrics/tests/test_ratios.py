"""Ratios of return to risk."""

import math
from typing import Any

import numpy as np
import pytest

from services.backtest.core.metrics.ratios import bar_returns, calmar, sharpe, sortino, volatility

RETURNS = np.array([0.10, -0.05, 0.02, -0.01])


def test_returns_are_between_closes_and_end_with_ruin() -> None:
    """One fewer than bars; the fall to 0 is the last of them."""
    np.testing.assert_allclose(bar_returns(np.array([100.0, 110.0, 55.0, 0.0, 0.0])), [0.1, -0.5, -1.0])


def test_ratios_are_what_their_formulas_say() -> None:
    """Worked out from the definitions, with 252 bars a year."""
    mean, deviation = RETURNS.mean(), math.sqrt(((RETURNS - RETURNS.mean()) ** 2).sum() / 3)
    downside = math.sqrt((0.05**2 + 0.01**2) / 4)
    assert volatility(RETURNS, 252.0) == pytest.approx(deviation * math.sqrt(252))
    assert sharpe(RETURNS, 252.0) == pytest.approx(mean / deviation * math.sqrt(252))
    assert sortino(RETURNS, 252.0) == pytest.approx(mean / downside * math.sqrt(252))
    assert calmar(0.3, -0.2) == pytest.approx(1.5)


@pytest.mark.parametrize("returns", [[], [0.1], [0.0, 0.0], bar_returns(1.1 ** np.arange(50.0))])
def test_without_variation_there_is_no_sharpe(returns: Any) -> None:
    """Too few returns, or all the same, rounding left aside, have no ratio, not an enormous one."""
    assert sharpe(np.array(returns), 252.0) is None


def test_undefined_is_none() -> None:
    """No loss, no drawdown, no year: no number."""
    assert sortino(np.array([0.1, 0.2]), 252.0) is None
    assert sortino(np.array([]), 252.0) is None
    assert volatility(np.array([0.1]), 252.0) is None
    assert volatility(RETURNS, None) is sharpe(RETURNS, None) is sortino(RETURNS, None) is None
    assert calmar(0.3, 0.0) is calmar(None, -0.2) is None

"""Against a benchmark."""

import numpy as np
import pytest
from scipy import stats

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.metrics.benchmark import alpha, beta, information_ratio, tracking_error
from services.backtest.core.metrics.returns import bar_returns

MARKET = np.random.default_rng(7).normal(0.0004, 0.012, 1500)
YEAR = 252.0


def test_alpha_and_beta_are_the_line_through_the_returns() -> None:
    """The slope and, over a year, the intercept of scipy's least squares."""
    ours = 0.0003 + 0.7 * MARKET + np.random.default_rng(8).normal(0.0, 0.004, len(MARKET))
    line = stats.linregress(MARKET, ours)
    assert beta(ours, MARKET) == pytest.approx(line.slope, rel=1e-12)
    assert alpha(ours, MARKET, beta(ours, MARKET), YEAR) == pytest.approx(line.intercept * YEAR, rel=1e-9)


def test_the_others_are_of_the_difference() -> None:
    """The deviation of what the run was ahead by, and the mean over it, both annual."""
    ours = np.array([0.02, -0.01, 0.03])
    theirs = np.array([0.01, 0.01, 0.01])
    ahead = np.array([0.01, -0.02, 0.02])
    deviation = np.sqrt(np.sum((ahead - 0.01 / 3) ** 2) / 2)
    assert tracking_error(ours, theirs, YEAR) == pytest.approx(deviation * np.sqrt(252))
    assert information_ratio(ours, theirs, YEAR) == pytest.approx(0.01 / 3 / deviation * np.sqrt(252))


def test_a_run_that_is_its_own_benchmark() -> None:
    """Beta 1, alpha 0, nothing strayed, and so no ratio to it, rounding left aside."""
    equity: Floats = np.cumprod(1.0 + MARKET, dtype=np.float64)
    ours, theirs = bar_returns(equity * 3.7), bar_returns(equity)
    assert beta(ours, theirs) == pytest.approx(1.0)
    assert alpha(ours, theirs, 1.0, YEAR) == pytest.approx(0.0, abs=1e-12)
    assert tracking_error(ours, theirs, YEAR) == pytest.approx(0.0, abs=1e-12)
    assert information_ratio(ours, theirs, YEAR) is None
    assert information_ratio(theirs, theirs, YEAR) is None


@pytest.mark.parametrize(
    "market", [np.zeros(3), np.full(3, 0.1), np.array([0.1]), bar_returns(1.00001 ** np.arange(9.0))]
)
def test_without_a_market_that_moves_there_is_no_beta(market: Floats) -> None:
    """A benchmark that stands still, or rises evenly, or one return: no slope, and no alpha without it."""
    ours = MARKET[: len(market)]
    assert beta(ours, market) is None
    assert alpha(ours, market, None, YEAR) is None


def test_without_a_year_or_a_second_return_nothing_is_annual() -> None:
    """None rather than a guess."""
    for measured in (tracking_error, information_ratio):
        assert measured(MARKET, MARKET / 2, None) is None
        assert measured(MARKET[:1], MARKET[:1] / 2, YEAR) is None
    assert alpha(MARKET, MARKET, 1.0, None) is None

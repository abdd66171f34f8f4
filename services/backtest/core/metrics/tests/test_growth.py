"""Growth."""

import numpy as np
import pytest

from services.backtest.core.metrics.growth import cagr, total_return

DAY = 86_400 * 10**9
YEARS = np.array([0, round(2 * 365.25 * DAY)], np.int64)


def test_growth_is_by_the_calendar() -> None:
    """Fourfold in two years is twofold a year, however many bars there were."""
    assert total_return(400.0, 100.0) == 3.0
    assert cagr(400.0, 100.0, YEARS) == pytest.approx(1.0)
    assert cagr(0.0, 100.0, YEARS) == -1.0


def test_where_no_time_passes_there_is_no_rate() -> None:
    """One bar, or a gain in an instant too large for a number."""
    assert cagr(400.0, 100.0, YEARS[:1]) is None
    assert cagr(400.0, 100.0, np.array([0, 10**9], np.int64)) is None

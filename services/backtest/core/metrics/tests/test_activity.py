"""How much of the time a position was held, and how much was traded."""

import numpy as np
import pytest

from services.backtest.core.metrics.activity import exposure, turnover


def test_exposure_is_the_share_of_bars_with_a_position() -> None:
    """Long or short, whatever its size."""
    assert exposure(np.array([0.0, 2.0, -1.0, 0.0])) == 0.5


def test_turnover_is_what_was_traded_over_what_was_owned_a_year() -> None:
    """Six times the mean equity in two years is three times a year; no time or nothing owned makes none."""
    owned = np.array([50.0, 150.0])
    assert turnover(600.0, owned, 2 * 365.25) == pytest.approx(3.0)
    assert turnover(0.0, owned, 10.0) == 0.0
    assert turnover(600.0, owned, 0.0) is None
    assert turnover(600.0, np.zeros(2), 10.0) is None

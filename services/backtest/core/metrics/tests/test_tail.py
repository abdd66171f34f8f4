"""The tail of the returns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from services.backtest.core.engine.dtypes import Floats
from services.backtest.core.metrics.tail import tail


@pytest.mark.parametrize("count", [2, 3, 20, 21, 22, 41, 252, 1000])
def test_the_tail_is_what_others_make_of_it(count: int) -> None:
    """The quantile is numpy's; the shortfall the mean of the lowest returns, cut where empyrical cuts."""
    returns = np.random.default_rng(count).standard_t(3, count) / 100
    at_risk, shortfall = tail(returns)
    assert at_risk == pytest.approx(-np.quantile(returns, 0.05), rel=1e-12)
    assert shortfall == pytest.approx(-np.sort(returns)[: int((count - 1) * 0.05) + 1].mean(), rel=1e-12)


def test_losses_are_positive() -> None:
    """A sure loss of a tenth is 0.1, a sure gain negative, and no return none."""
    assert tail(np.full(5, -0.1)) == pytest.approx((0.1, 0.1))
    assert tail(np.full(5, 0.1)) == pytest.approx((-0.1, -0.1))
    assert str(tail(np.zeros(2))) == "(0.0, 0.0)"
    assert tail(np.array([])) == (None, None)


@given(arrays(np.float64, st.integers(1, 200), elements=st.sampled_from([-0.9, -0.1, -0.01, 0.0, 0.01, 0.3])))
def test_the_shortfall_is_the_worse_of_the_two(returns: Floats) -> None:
    """However many returns are equal, what lies beyond the value at risk is at least as bad, and happened."""
    at_risk, shortfall = tail(returns)
    assert at_risk is not None
    assert shortfall is not None
    assert at_risk <= shortfall + 1e-12
    assert shortfall <= -returns.min() + 1e-12

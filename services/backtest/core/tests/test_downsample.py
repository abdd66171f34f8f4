"""Fewer points, the same picture."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.downsample import downsample


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0]), min_size=1, max_size=200), st.integers(2, 220))
def test_ends_and_extremes_are_kept(values: list[float], points: int) -> None:
    """At most as many as asked for, in order, each once, with the ends; from four points on with the extremes."""
    curve = np.array(values)
    chosen = downsample(curve, points)
    assert len(chosen) <= points
    assert (chosen[0], chosen[-1]) == (0, len(curve) - 1)
    assert np.all(np.diff(chosen) > 0)
    if len(curve) <= points:
        assert len(chosen) == len(curve)
    if points >= 4:
        assert (curve[chosen].min(), curve[chosen].max()) == (curve.min(), curve.max())


def test_what_is_asked_for_is_nearly_given() -> None:
    """A long curve gives almost all of the points, spread over its whole length."""
    curve = np.random.default_rng(1).normal(size=10_000).cumsum()
    chosen = downsample(curve, 500)
    assert 450 <= len(chosen) <= 500
    assert np.diff(chosen).max() < 100

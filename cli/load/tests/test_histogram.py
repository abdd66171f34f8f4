"""The histogram, against numpy on all values."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.load.histogram import Histogram

TIMES = st.lists(st.floats(1e-9, 1e4), min_size=1, max_size=300)
PRECISE = 1 / 1024


@given(TIMES, st.floats(0, 1))
def test_a_quantile_is_that_of_all_values_to_a_thousandth(values: list[float], share: float) -> None:
    """From a nanosecond to hours, of few values and of many."""
    found = Histogram(values).quantile(share)
    exact = float(np.quantile(values, share, method="inverted_cdf"))
    assert found == pytest.approx(exact, rel=PRECISE, abs=1e-9)


def test_the_usual_quantiles_of_many_values() -> None:
    """Of a long tail, as latencies have."""
    values = np.random.default_rng(7).lognormal(-7, 1, 100_000)
    found = Histogram(values.tolist())
    for share in (0.5, 0.9, 0.95, 0.99, 0.999, 1.0):
        exact = float(np.quantile(values, share, method="inverted_cdf"))
        assert found.quantile(share) == pytest.approx(exact, rel=PRECISE)


@given(TIMES)
def test_least_greatest_and_mean_are_exact(values: list[float]) -> None:
    """Nothing is rounded that need not be."""
    found = Histogram(values)
    assert (found.count, found.least, found.greatest) == (len(values), min(values), max(values))
    assert found.mean == pytest.approx(math.fsum(values) / len(values))


@given(TIMES, TIMES)
def test_two_together_are_one_of_all_values(one: list[float], other: list[float]) -> None:
    """So that parts can be counted alone."""
    together = Histogram(one)
    together.add(Histogram(other))
    whole = Histogram([*one, *other])
    assert together.counts == whole.counts
    assert (together.count, together.least, together.greatest) == (whole.count, whole.least, whole.greatest)


@given(TIMES)
def test_every_value_is_between_two_bounds(values: list[float]) -> None:
    """Below the first and above the last as well."""
    bounds = [1e-6, 1e-3, 1.0]
    found = Histogram(values).between(bounds)
    assert sum(found) == len(values)
    if all(abs(value / bound - 1) > 2 * PRECISE for value in values for bound in bounds):
        edges = [-math.inf, *bounds, math.inf]
        expected = [sum(low <= value < high for value in values) for low, high in pairwise(edges)]
        assert found == expected


def test_nothing_has_no_quantile() -> None:
    """Rather than a zero that looks good."""
    assert math.isnan(Histogram().quantile(0.5))
    assert math.isnan(Histogram().mean)


def test_a_time_below_zero_counts_as_none() -> None:
    """Two clocks of one machine may differ by a nanosecond."""
    assert Histogram([-1e-9]).quantile(0.5) == 0

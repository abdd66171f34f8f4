"""Percentiles of raw durations and of histograms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.metrics.core.quantiles import histogram_quantile, nearest_rank
from services.metrics.core.tests.batches import http
from shared.contracts.timings import BUCKETS


def test_nearest_rank_is_one_of_the_values() -> None:
    """The worked example of the method: of 15, 20, 35, 40, 50 the 30th percentile is 20, the 40th 20, the 50th 35."""
    values = [15, 20, 35, 40, 50]
    assert [nearest_rank(values, p) for p in (0.05, 0.3, 0.4, 0.5, 1.0)] == [15, 20, 20, 35, 50]


def test_of_nothing_it_is_zero() -> None:
    """An empty system has no percentiles, and no error either."""
    assert nearest_rank([], 0.95) == 0
    assert histogram_quantile([0] * (len(BUCKETS) + 1), 0.95) == 0
    assert histogram_quantile([], 0.95) == 0


def test_a_histogram_is_read_linearly_inside_a_bucket() -> None:
    """A hundred between 0.1 and 0.25: the median is half way."""
    counts = http([0.2] * 100).counts
    assert histogram_quantile(counts, 0.5) == pytest.approx(0.175)


def test_above_the_last_bound_it_is_the_last_bound() -> None:
    """More cannot be known."""
    assert histogram_quantile(http([60.0] * 3).counts, 0.5) == BUCKETS[-1]


@given(st.lists(st.floats(0.0001, 10.0), min_size=1, max_size=50), st.floats(0.01, 1.0))
def test_the_estimate_lies_in_the_bucket_of_the_true_value(durations: list[float], fraction: float) -> None:
    """It is off by one bucket's width at most."""
    true = nearest_rank(sorted(durations), fraction)
    upper = next(bound for bound in BUCKETS if true <= bound)
    lower = max((bound for bound in BUCKETS if bound < true), default=0.0)
    assert lower <= histogram_quantile(http(durations).counts, fraction) <= upper * (1 + 1e-9)

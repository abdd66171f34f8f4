"""Percentiles: of raw durations by nearest rank, of a histogram as Prometheus' histogram_quantile estimates them."""

import math
from collections.abc import Sequence

from shared.contracts.timings import BUCKETS


def nearest_rank(ascending: Sequence[float], fraction: float) -> float:
    """Return the smallest value that at least `fraction` of the values do not exceed; 0 for none."""
    if not ascending:
        return 0.0
    return ascending[max(0, math.ceil(fraction * len(ascending)) - 1)]


def histogram_quantile(counts: Sequence[float], fraction: float) -> float:
    """Estimate a quantile in seconds from counts per bucket, linearly inside the bucket; 0 for no observation.

    What lies above the last bound is reported as that bound.
    """
    rank = fraction * sum(counts)
    if rank <= 0:
        return 0.0
    below, lower = 0.0, 0.0
    for count, upper in zip(counts, BUCKETS, strict=False):
        if count and below + count >= rank:
            return lower + (upper - lower) * (rank - below) / count
        below, lower = below + count, upper
    return BUCKETS[-1]

"""A histogram of times with buckets as wide as a thousandth of what they hold, like Gil Tene's HdrHistogram.

Values below 2^11 ns have a bucket each; from there on each power of two is divided into 2^10. So any quantile is right
to a thousandth, from a nanosecond to hours, at the cost of some hundred integers and half a microsecond for each value.
"""

import math
from collections.abc import Iterable

_BITS = 11
_HALF = 1 << (_BITS - 1)
_NS = 1e9


class Histogram:
    """Counts seconds. What is least, greatest and the sum is exact."""

    def __init__(self, values: Iterable[float] = ()) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0
        self.total = 0.0
        self.least = math.inf
        self.greatest = 0.0
        for value in values:
            self.record(value)

    def record(self, seconds: float) -> None:
        """Count one value; one below 0 counts as 0."""
        seconds = max(seconds, 0.0)
        bucket = _bucket(int(seconds * _NS))
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.count += 1
        self.total += seconds
        self.least = min(self.least, seconds)
        self.greatest = max(self.greatest, seconds)

    def add(self, other: "Histogram") -> None:
        """Count all that another has."""
        for bucket, number in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + number
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)

    @property
    def mean(self) -> float:
        """In seconds; NaN of none."""
        return self.total / self.count if self.count else math.nan

    def quantile(self, share: float) -> float:
        """Return the least value that so many of all are at most (nearest rank), to a thousandth; NaN of none.

        `share` is from 0 to 1.
        """
        if not self.count:
            return math.nan
        rank = max(1, math.ceil(share * self.count - 1e-9))
        if rank == self.count:
            return self.greatest
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                return min(max(_middle(bucket), self.least), self.greatest)
        return self.greatest

    def between(self, bounds: Iterable[float]) -> list[int]:
        """Count what is below the first bound, from each bound to the next, and from the last on; to a thousandth."""
        edges = list(bounds)
        found = [0] * (len(edges) + 1)
        for bucket, number in self.counts.items():
            middle = _middle(bucket)
            found[sum(middle >= edge for edge in edges)] += number
        return found


def _bucket(ns: int) -> int:
    shift = max(0, ns.bit_length() - _BITS)
    return shift * _HALF + (ns >> shift)


def _middle(bucket: int) -> float:
    """Of what the bucket holds, in seconds."""
    shift = max(0, bucket // _HALF - 1)
    return (((bucket - shift * _HALF) << shift) + (1 << shift) / 2) / _NS

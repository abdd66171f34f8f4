"""How old answers are: for how long something newer had been acknowledged when a read without a token began."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.consistency.checker.evidence import Evidence

P99_SECONDS = 0.020
HOPS = 5.0
"""Of the hop through the cache server: the 99.9th percentile may be as much above its own."""


@dataclass(frozen=True)
class Staleness:
    """Of the reads without a token that were made while nothing was broken, in seconds; `hop` likewise of the hops.

    `stale` is how many of them were old at all.
    """

    reads: int
    stale: int
    p99: float
    p999: float
    worst: float
    hops: int
    hop_p999: float

    @property
    def is_allowed(self) -> bool:
        """Whether it is within the limits."""
        return self.p99 <= P99_SECONDS and self.p999 <= HOPS * self.hop_p999


def staleness(evidence: Evidence) -> Staleness:
    """Return how old the answers were."""
    history = evidence.history
    ages: list[float] = []
    for read in evidence.reads:
        if read.due or not history.is_quiet(read):
            continue
        for key in evidence.members(read):
            since = evidence.acknowledged.since(key, evidence.shown(read, key))
            ages.append(max(0.0, read.begin - since))
    hops = sorted(
        hop.seconds for hop in history.hops if any(each.begin <= hop.time <= each.end for each in history.quiet)
    )
    ages.sort()
    stale = sum(age > 0 for age in ages)
    return Staleness(
        len(ages), stale, quantile(ages, 0.99), quantile(ages, 0.999), quantile(ages, 1.0), len(hops),
        quantile(hops, 0.999),
    )  # fmt: skip


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that a share of all does not exceed; 0 of none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0

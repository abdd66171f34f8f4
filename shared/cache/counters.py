"""A store's counters, as the metrics service reads them."""

from shared.cache.stats import CacheStats
from shared.contracts.timings import Counter


def counters_of(stats: CacheStats) -> list[Counter]:
    """Return the counts of `stats`, by object type and where there is one by reason.

    Raises are told by the writers themselves, who know what became of the write.
    """
    counters = []
    for kind, counts in stats.snapshot().items():
        labels = {"type": kind}
        counters += [
            Counter(name=name, labels=labels, value=value)
            for name, value in (
                ("cache_hits", counts.hits),
                ("cache_misses", counts.misses),
                ("cache_fills", counts.fills),
                ("cache_orphan_floors", counts.orphan_floors),
            )
        ]
        for name, by_reason in (("cache_bypasses", counts.bypasses), ("cache_fills_refused", counts.fills_refused)):
            counters += [
                Counter(name=name, labels={**labels, "reason": reason}, value=count)
                for reason, count in by_reason.items()
            ]
    return counters

"""The cache's own counters, as the metrics service reads them."""

from shared.cache.stats import CacheStats
from shared.contracts.timings import Counter


def cache_counters(stats: CacheStats) -> list[Counter]:
    """Return every count of `stats`, by object type and where there is one by reason."""
    counters = []
    for kind, counts in stats.snapshot().items():
        labels = {"type": kind}
        counters += [
            Counter(name="cache_hits", labels=labels, value=counts.hits),
            Counter(name="cache_misses", labels=labels, value=counts.misses),
            Counter(name="cache_fills", labels=labels, value=counts.fills),
        ]
        for name, by_reason in (("cache_bypasses", counts.bypasses), ("cache_fills_refused", counts.fills_refused)):
            counters += [
                Counter(name=name, labels={**labels, "reason": reason}, value=count)
                for reason, count in by_reason.items()
            ]
    return counters

"""A store's counters, as the metrics service reads them."""

from shared.cache.stats import CacheStats
from shared.contracts.timings import Counter


def counters_of(stats: CacheStats) -> list[Counter]:
    """Return every count of `stats`, by object type and where there is one by reason or outcome."""
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
        for name, label, by_label in (
            ("cache_bypasses", "reason", counts.bypasses),
            ("cache_fills_refused", "reason", counts.fills_refused),
            ("cache_raises", "outcome", counts.raises),
        ):
            counters += [
                Counter(name=name, labels={**labels, label: value}, value=count) for value, count in by_label.items()
            ]
    return counters

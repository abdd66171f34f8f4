"""The counters of this process's own cache, as the metrics service reads them."""

from shared.cache.local import LocalCache
from shared.contracts.timings import Counter


def local_counters(local: LocalCache) -> list[Counter]:
    """Return every count of this process's own cache, by object type."""
    return [
        Counter(name=name, labels={"type": kind}, value=value)
        for kind, counts in local.counts.items()
        for name, value in (
            ("cache_l1_hits", counts.hits),
            ("cache_l1_misses", counts.misses),
            ("cache_l1_evictions", counts.evictions),
        )
    ]

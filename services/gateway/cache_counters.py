"""The cache's own counters, as the metrics service reads them."""

from shared.cache.counters import counters_of
from shared.cache.stats import CacheStats
from shared.contracts.timings import Counter


def cache_counters(stats: CacheStats) -> list[Counter]:
    """Return every count of the shared store."""
    return counters_of(stats)

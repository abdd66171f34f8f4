"""What the metrics service is told."""

from shared.cache.counters import counters_of
from shared.cache.record import Entry
from shared.cache.results import Bypass, BypassReason, FillOutcome, Hit, Miss, RaiseOutcome
from shared.cache.stats import CacheStats
from shared.contracts.timings import Counter


def test_every_count_is_told_under_its_type() -> None:
    """Those that have a reason, with it; but for raises, which their writers tell."""
    stats = CacheStats()
    stats.looked_up("strategy:1", Hit(Entry(1, "", "", b"")))
    stats.looked_up("strategy:2", Miss("lease"))
    stats.looked_up("strategy:2", Bypass(BypassReason.CLOSED))
    stats.filled("strategy:2", FillOutcome.STORED)
    stats.filled("strategy:2", FillOutcome.LINEAGE)
    stats.orphaned("strategy:2")
    stats.raised({"strategy:1": RaiseOutcome.DONE})
    kind = {"type": "strategy"}
    assert counters_of(stats) == [
        Counter(name="cache_hits", labels=kind, value=1),
        Counter(name="cache_misses", labels=kind, value=1),
        Counter(name="cache_fills", labels=kind, value=1),
        Counter(name="cache_orphan_floors", labels=kind, value=1),
        Counter(name="cache_bypasses", labels={**kind, "reason": "closed"}, value=1),
        Counter(name="cache_fills_refused", labels={**kind, "reason": "lineage"}, value=1),
    ]

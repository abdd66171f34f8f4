"""The counters."""

from shared.cache.results import Bypass, BypassReason, FillOutcome, Miss
from shared.cache.stats import CacheStats, TypeCounts


def test_a_snapshot_does_not_change_afterwards() -> None:
    """Metrics may read it while the store goes on counting."""
    stats = CacheStats()
    stats.looked_up("strategy:1", Bypass(BypassReason.DISABLED))
    stats.filled("strategy:1", FillOutcome.FLOOR)
    before = stats.snapshot()
    stats.looked_up("strategy:2", Bypass(BypassReason.DISABLED))
    stats.looked_up("strategy:2", Miss("lease"))
    stats.filled("strategy:2", FillOutcome.FLOOR)
    assert before == {"strategy": TypeCounts(fills_refused={"floor": 1}, bypasses={"disabled": 1})}
    assert stats.snapshot() == {"strategy": TypeCounts(misses=1, fills_refused={"floor": 2}, bypasses={"disabled": 2})}

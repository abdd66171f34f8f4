"""The counters."""

from shared.cache.record import Entry
from shared.cache.results import Bypass, BypassReason, FillOutcome, Hit, Miss, RaiseOutcome
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


def test_the_hit_rate_is_of_the_reads_that_asked() -> None:
    """A read that went past the cache says nothing of what is in it."""
    stats = CacheStats()
    stats.looked_up("strategy:1", Bypass(BypassReason.REQUESTED))
    assert stats.snapshot()["strategy"].hit_rate is None
    stats.looked_up("strategy:1", Miss("lease"))
    for _ in range(3):
        stats.looked_up("strategy:1", Hit(Entry(1, "", "", b"")))
    assert stats.snapshot()["strategy"].hit_rate == 0.75


def test_a_snapshot_of_raises_does_not_change_either() -> None:
    """Nor do the outcomes of floors raised."""
    stats = CacheStats()
    stats.raised({"strategy:1": RaiseOutcome.DONE})
    before = stats.snapshot()
    stats.raised({"strategy:1": RaiseOutcome.DONE, "user:1": RaiseOutcome.CLOSED})
    assert before == {"strategy": TypeCounts(raises={"done": 1})}
    assert stats.snapshot()["strategy"].raises == {"done": 2}
    assert stats.snapshot()["user"].raises == {"closed": 1}

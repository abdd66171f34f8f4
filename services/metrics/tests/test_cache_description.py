"""The cache as it is described to administrators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from services.metrics.cache_description import CacheDescriptions
from services.metrics.cache_figures import CacheProbe
from services.metrics.core.aggregate import Aggregate, Snapshot
from services.metrics.core.tests.batches import batch
from shared.cache.settings import CacheSettings
from shared.contracts.cache_messages import CacheDescription, DescribeCache
from shared.contracts.errors import Forbidden
from shared.contracts.timings import Counter, Gauge
from shared.contracts.values import Principal
from shared.runtime.bus.server import Answer, Call


def by(role: str) -> Call:
    """A call of somebody's with this role."""
    return Call("1", Principal(user_id="1", role="admin" if role == "admin" else "user"), 0.0, "", "")


def counter(name: str, value: int, **labels: str) -> Counter:
    """What a process reports."""
    return Counter(name=name, labels=labels, value=value)


@dataclass
class Measured:
    """What processes have reported."""

    counters: Sequence[Counter] = ()
    states: Mapping[str, float] = field(default_factory=dict)

    async def snapshot(self, _: float) -> Snapshot:
        """Return it, from two processes."""
        aggregate = Aggregate()
        states = self.states.items()
        gauges = [Gauge(name="cache_state", labels={"keeper": keeper}, value=value) for keeper, value in states]
        for instance in ("a", "b"):
            aggregate.apply(batch(1, instance=instance, counters=self.counters, gauges=gauges), 1.0)
        return aggregate.snapshot()


async def described(url: str, *counters: Counter, enabled: bool = True, **states: float) -> CacheDescription:
    """Ask for a description."""
    probe = CacheProbe(CacheSettings(url=url, enabled=enabled))
    descriptions = CacheDescriptions(probe, Measured(counters, states).snapshot)
    answer = await descriptions.describe(DescribeCache(), by("admin"))
    await probe.close()
    assert isinstance(answer, Answer)
    assert isinstance(answer.value, CacheDescription)
    return answer.value


async def test_use_is_added_up_by_type(cache_url: str) -> None:
    """Over all processes; reasons stay apart, and a type that was never read has no rate."""
    found = await described(
        cache_url,
        counter("cache_l1_hits", 4, type="strategy"),
        counter("cache_l1_misses", 4, type="strategy"),
        counter("cache_hits", 2, type="strategy"),
        counter("cache_misses", 2, type="strategy"),
        counter("cache_fills", 1, type="strategy"),
        counter("cache_fills_refused", 2, type="strategy", reason="floor"),
        counter("cache_bypasses", 4, type="strategy", reason="closed"),
        counter("cache_bypasses", 5, type="strategy", reason="requested"),
        counter("invalidations", 7, type="user"),
    )
    assert (found.l1_hits, found.hits, found.misses, found.hit_rate) == (8, 4, 4, 0.75)
    strategy, user = found.types
    assert (strategy.type, strategy.fills) == ("strategy", 2)
    assert (strategy.l1_hits, strategy.hits, strategy.misses, strategy.hit_rate) == (8, 4, 4, 0.75)
    assert strategy.fills_refused == {"floor": 4}
    assert strategy.bypasses == {"closed": 8, "requested": 10}
    assert (user.type, user.invalidations, user.hit_rate) == ("user", 14, None)


async def test_the_server_tells_memory_and_keys_the_services_their_state(cache_url: str) -> None:
    """As they are now; a half that was lost is closed."""
    found = await described(cache_url, strategy=1, backtest=0)
    assert (found.enabled, found.connected, found.hit_rate) == (True, True, None)
    assert (found.used_memory_bytes or 0) > 1000
    assert found.total_keys is not None
    assert found.state == {"strategy": "open", "backtest": "closed"}


async def test_a_server_that_is_away_is_described_as_that() -> None:
    """What nobody knows is null or unknown, not an error; without a cache there is no state."""
    found = await described("redis://127.0.0.1:1/0")
    assert (found.enabled, found.connected, found.used_memory_bytes, found.total_keys) == (True, False, None, None)
    assert found.state == {"strategy": "unknown", "backtest": "unknown"}
    none = await described("redis://127.0.0.1:1/0", enabled=False, strategy=1)
    assert (none.enabled, none.connected, none.state) == (False, False, {})


async def test_nobody_else_may() -> None:
    """Whatever the gateway has let in."""
    probe = CacheProbe(CacheSettings(url="redis://127.0.0.1:1/0"))
    with pytest.raises(Forbidden):
        await CacheDescriptions(probe, Measured().snapshot).describe(DescribeCache(), by("user"))

"""What the invalidator makes of a batch, with the cache in memory."""

from datetime import UTC, datetime

import pytest

from services.invalidator.handlers import Invalidator
from services.invalidator.tests.entries import event_entry
from shared.cache.disabled import DisabledCacheStore
from shared.cache.fake import FakeCacheStore
from shared.cache.record import Entry as CacheEntry
from shared.cache.results import FillOutcome, Hit, Miss
from shared.cache.store import CacheStore
from shared.contracts.errors import Unavailable
from shared.contracts.timings import Counter, TimingBatch
from shared.runtime.bus.connection import Entry
from shared.runtime.timings import Timings

STREAM = "aurelius.events.strategy"
ONE, TWO = "strategy:1", "strategy:2"


class Clock:
    """Stands at two seconds after the entries' time."""

    def now(self) -> datetime:
        """Return that time."""
        return datetime(2026, 3, 1, 10, 0, 2, tzinfo=UTC)

    def monotonic(self) -> float:
        """Return nothing of interest."""
        return 0.0


class Lab:
    """An invalidator with its cache and what it measured."""

    def __init__(self, cache: CacheStore) -> None:
        self.timings = Timings("invalidator", "invalidator-1")
        self.apply = Invalidator(STREAM, cache, self.timings, Clock()).apply

    def measured(self) -> TimingBatch:
        """Return what was measured since the last time."""
        return self.timings.batch()


@pytest.fixture
def cache() -> FakeCacheStore:
    """An empty cache."""
    return FakeCacheStore()


@pytest.fixture
def lab(cache: FakeCacheStore) -> Lab:
    """An invalidator of that cache."""
    return Lab(cache)


async def fill(cache: FakeCacheStore, obj: str, version: int) -> None:
    """Store an answer of this version."""
    found = await cache.get(obj, "doc")
    assert isinstance(found, Miss)
    entry = CacheEntry(version=version, etag='"e"', owner="9", body=b"{}")
    assert await cache.fill(obj, "doc", found.lease, entry) is FillOutcome.STORED


async def served(cache: FakeCacheStore, obj: str) -> bool:
    """Whether the cache still answers."""
    return isinstance(await cache.get(obj, "doc"), Hit)


async def test_objects_of_an_event_are_no_longer_served_below_their_version(cache: FakeCacheStore, lab: Lab) -> None:
    """All of the event's objects, and nothing else."""
    for obj in (ONE, TWO, "strategies:9"):
        await fill(cache, obj, 3)
    await lab.apply([event_entry(1, {ONE: 4, "strategies:9": 4})])
    assert [await served(cache, obj) for obj in (ONE, TWO, "strategies:9")] == [False, True, False]


async def test_what_is_new_enough_stays(cache: FakeCacheStore, lab: Lab) -> None:
    """An event that comes late, or again, costs nothing."""
    await fill(cache, ONE, 5)
    await lab.apply([event_entry(1, {ONE: 4}), event_entry(2, {ONE: 5})])
    assert await served(cache, ONE)


async def test_a_batch_is_one_call_with_one_version_an_object(cache: FakeCacheStore, lab: Lab) -> None:
    """However often the batch names it."""
    await lab.apply([event_entry(sequence, {ONE: sequence, TWO: 1}) for sequence in (3, 1, 2)])
    assert cache.stats.snapshot()["strategy"].invalidations == 2


async def test_a_cache_that_is_away_keeps_the_batch(cache: FakeCacheStore, lab: Lab) -> None:
    """The error is the one that makes the consumer give it again; then it is applied whole."""
    await fill(cache, ONE, 1)
    cache.reachable = False
    with pytest.raises(Unavailable):
        await lab.apply([event_entry(1, {ONE: 2})])
    cache.reachable = True
    await lab.apply([event_entry(1, {ONE: 2})])
    assert not await served(cache, ONE)


async def test_poison_holds_up_nothing(cache: FakeCacheStore, lab: Lab) -> None:
    """It is refused with the reason, and counted; what stands around it is applied."""
    await fill(cache, ONE, 1)
    await fill(cache, TWO, 1)
    poison = Entry(b"2-0", {b"hello": b"world"})
    (refused,) = await lab.apply([event_entry(1, {ONE: 2}), poison, event_entry(3, {TWO: 2})])
    assert not await served(cache, ONE)
    assert not await served(cache, TWO)
    assert refused.entry == poison
    assert "it is no event" in refused.reason
    assert lab.measured().counters == [
        Counter(name="events_refused", labels={"stream": STREAM, "reason": "entry"}, value=1)
    ]


@pytest.mark.parametrize("bad", [{"no colon": 1}, {"strategy:{x}": 1}, {ONE: -1}, {ONE: 2**53}])
async def test_an_object_that_cannot_be_spoils_nothing_else(
    cache: FakeCacheStore, lab: Lab, bad: dict[str, int]
) -> None:
    """Neither the other objects of its event nor a right version of its own in another."""
    await fill(cache, ONE, 1)
    await fill(cache, TWO, 1)
    (refused,) = await lab.apply([event_entry(1, {**bad, TWO: 2}), event_entry(2, {ONE: 2})])
    assert not await served(cache, ONE)
    assert not await served(cache, TWO)
    assert refused.entry.id == b"1-0"
    assert [counter.labels["reason"] for counter in lab.measured().counters] == ["object"]


async def test_poison_is_told_once_however_often_its_batch_is_given(cache: FakeCacheStore, lab: Lab) -> None:
    """While the cache is away the batch comes again every second."""
    batch = [Entry(b"1-0", {}), event_entry(2, {ONE: 2})]
    cache.reachable = False
    for _ in range(5):
        with pytest.raises(Unavailable):
            await lab.apply(batch)
    cache.reachable = True
    assert len(await lab.apply(batch)) == 1
    assert [counter.value for counter in lab.measured().counters] == [1]


async def test_the_lag_is_from_the_events_time_to_its_being_applied(cache: FakeCacheStore, lab: Lab) -> None:
    """Once an event, never negative, and not while it could not be applied."""
    cache.reachable = False
    with pytest.raises(Unavailable):
        await lab.apply([event_entry(1, {ONE: 1})])
    assert lab.measured().histograms == []
    cache.reachable = True
    ahead, unknown = event_entry(2, {ONE: 2}, time="2026-03-01T10:00:09Z"), event_entry(3, {ONE: 3}, time="?")
    await lab.apply([event_entry(1, {ONE: 1}), ahead, unknown])
    (histogram,) = lab.measured().histograms
    assert (histogram.name, sum(histogram.counts), histogram.total) == ("event_lag", 2, 2.0)


async def test_without_a_cache_there_is_nothing_to_do() -> None:
    """REDIS_ENABLED=false: every event counts as applied."""
    await Lab(DisabledCacheStore()).apply([event_entry(1, {ONE: 2})])

"""What every store promises, on the fake, on a real server and on a node of a cluster."""

import pytest

from shared.cache.fake import FakeCacheStore
from shared.cache.keys import InvalidObject
from shared.cache.record import Entry
from shared.cache.results import FillOutcome, Hit, Invalidated, Miss
from shared.cache.tests.labs import FakeLab, Lab
from shared.cache.tests.mutants import DeleteOnEvent, FloorsOnly
from shared.cache.tests.races import (
    STRATEGY,
    entry,
    is_stale,
    lease,
    server_restarts_empty_under_reader,
    store_entry,
    writer_overtakes_reader,
)

LIST = "strategies:0190a6f2-7c1e-7d30-8a54-3f1f5f0d0002"


async def test_what_was_filled_is_served_byte_for_byte(lab: Lab) -> None:
    """A hit carries every field of the entry as it was offered."""
    offered = Entry(7, 'W/"é"', "owner-1", bytes(range(256)) * 40, 404, "application/problem+json")
    assert await lab.store.fill(STRATEGY, "doc", await lease(lab.store), offered) is FillOutcome.STORED
    assert await lab.store.get(STRATEGY, "doc") == Hit(offered)
    assert lab.store.connected


async def test_variants_of_an_object_are_kept_apart(lab: Lab) -> None:
    """Each query of a list has an entry of its own, however long, and nobody else's object shares it."""
    queries = ["limit=50", "limit=50&q=" + "ü" * 400, "limit=50&q=" + "ü" * 401, "", "~", "limit=50 "]
    for version, query in enumerate(queries, start=1):
        await store_entry(lab.store, version, LIST, query)
    for version, query in enumerate(queries, start=1):
        assert await lab.store.get(LIST, query) == Hit(entry(version))
        assert isinstance(await lab.store.get("strategies:other", query), Miss)


async def test_a_writer_that_overtakes_a_reader_is_not_undone_by_it(lab: Lab) -> None:
    """What a slow reader read before the write is refused, and nobody is served it."""
    database, served = await writer_overtakes_reader(lab)
    assert not is_stale(database, served)
    assert lab.store.stats.snapshot()["strategy"].fills_refused == {"floor": 1}


async def test_a_wiped_server_does_not_let_a_slow_reader_fill(lab: Lab) -> None:
    """With the floor lost, the reader's lease belongs to a head that is no more."""
    database, served = await server_restarts_empty_under_reader(lab)
    assert not is_stale(database, served)
    assert lab.store.stats.snapshot()["strategy"].fills_refused == {"lineage": 1}


async def test_the_races_catch_a_cache_that_deletes_on_events() -> None:
    """The two tests above can fail: the usual protocol serves a stale entry in the first."""
    assert is_stale(*await writer_overtakes_reader(FakeLab(DeleteOnEvent)))


async def test_the_races_catch_a_cache_without_lineage() -> None:
    """The second can fail too: floors alone do not survive a wipe, though they pass the first."""
    assert not is_stale(*await writer_overtakes_reader(FakeLab(FloorsOnly)))
    assert is_stale(*await server_restarts_empty_under_reader(FakeLab(FloorsOnly)))


async def test_an_evicted_head_takes_its_leases_along(lab: Lab) -> None:
    """Neither a fill under the old lease nor an entry of the old life is accepted afterwards."""
    await store_entry(lab.store, 4)
    taken = await lease(lab.store, variant="other")
    await lab.evict_head(STRATEGY)
    assert await lab.store.fill(STRATEGY, "other", taken, entry(4)) is FillOutcome.HEAD_GONE
    new = await lease(lab.store)
    assert new != taken
    assert await lab.store.fill(STRATEGY, "other", taken, entry(4)) is FillOutcome.LINEAGE
    assert await lab.store.fill(STRATEGY, "doc", new, entry(3)) is FillOutcome.STORED


async def test_an_event_for_an_unknown_object_changes_nothing(lab: Lab) -> None:
    """Nothing is kept of an invalidation before any head: the next reader begins anew."""
    assert await lab.store.invalidate({STRATEGY: 9}) == Invalidated()
    await store_entry(lab.store, 9)
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(9))


async def test_an_event_removes_what_it_outdates_and_counts_it(lab: Lab) -> None:
    """All variants below the version go, those at or above it stay, and other objects are not touched."""
    for version, variant in ((3, "a"), (4, "b"), (5, "c")):
        await store_entry(lab.store, version, LIST, variant)
    await store_entry(lab.store, 1)
    assert await lab.store.invalidate({LIST: 5, "strategies:unread": 2}) == Invalidated(1, 1, 2)
    assert isinstance(await lab.store.get(LIST, "a"), Miss)
    assert isinstance(await lab.store.get(LIST, "b"), Miss)
    assert await lab.store.get(LIST, "c") == Hit(entry(5))
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(1))


async def test_late_and_repeated_events_do_no_harm(lab: Lab) -> None:
    """The floor is the highest version announced, whatever the order; an entry above a late event stays."""
    await store_entry(lab.store, 1)
    assert await lab.store.invalidate({STRATEGY: 5}) == Invalidated(1, 1, 1)
    taken = await lease(lab.store)
    assert await lab.store.invalidate({STRATEGY: 3}) == Invalidated(1, 0, 0)
    assert await lab.store.fill(STRATEGY, "doc", taken, entry(4)) is FillOutcome.FLOOR
    assert await lab.store.fill(STRATEGY, "doc", taken, entry(5)) is FillOutcome.STORED
    assert await lab.store.invalidate({STRATEGY: 5}) == Invalidated(1, 0, 0)
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(5))


async def test_versions_are_compared_as_numbers_to_the_last_digit(lab: Lab) -> None:
    """9 is below 10, and the largest versions are told apart, as entries and as floors."""
    largest = 2**53 - 1
    taken = await lease(lab.store)
    await lab.store.invalidate({STRATEGY: 9})
    assert await lab.store.invalidate({STRATEGY: 10}) == Invalidated(1, 1, 0)
    assert await lab.store.fill(STRATEGY, "doc", taken, entry(9)) is FillOutcome.FLOOR
    assert await lab.store.fill(STRATEGY, "a", taken, entry(largest - 1)) is FillOutcome.STORED
    assert await lab.store.fill(STRATEGY, "b", taken, entry(largest)) is FillOutcome.STORED
    assert await lab.store.invalidate({STRATEGY: largest}) == Invalidated(1, 1, 1)
    assert await lab.store.fill(STRATEGY, "a", taken, entry(largest - 1)) is FillOutcome.FLOOR
    assert await lab.store.get(STRATEGY, "b", min_version=largest) == Hit(entry(largest))


async def test_a_slow_fill_does_not_replace_a_newer_entry(lab: Lab) -> None:
    """Of two readers with one lease the newer row stays, though no event has come yet."""
    taken = await lease(lab.store)
    assert await lab.store.fill(STRATEGY, "doc", taken, entry(3)) is FillOutcome.STORED
    assert await lab.store.fill(STRATEGY, "doc", taken, entry(2)) is FillOutcome.OLDER
    assert await lab.store.fill(STRATEGY, "doc", taken, entry(3)) is FillOutcome.STORED
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(3))


async def test_a_reader_with_a_token_is_never_served_less(lab: Lab) -> None:
    """An entry below `min_version` is a miss for that reader and a hit for others."""
    await store_entry(lab.store, 3)
    assert isinstance(await lab.store.get(STRATEGY, "doc", min_version=4), Miss)
    assert await lab.store.get(STRATEGY, "doc", min_version=3) == Hit(entry(3))
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(3))


async def test_counters_tell_what_happened_by_type(lab: Lab) -> None:
    """Hits, misses, fills, refusals and invalidations are counted under the text before the colon."""
    await store_entry(lab.store, 3)
    await lab.store.get(STRATEGY, "doc")
    await lab.store.fill(STRATEGY, "doc", "no such lease", entry(3))
    await lab.store.invalidate({STRATEGY: 4, LIST: 1})
    counts = lab.store.stats.snapshot()
    strategy = counts["strategy"]
    assert (strategy.hits, strategy.misses, strategy.fills, strategy.invalidations) == (1, 1, 1, 1)
    assert strategy.fills_refused == {"lineage": 1}
    assert counts["strategies"].invalidations == 1


@pytest.mark.parametrize(
    "obj", ["strategy", "strategy:", "Strategy:1", "strategy:{1}", "strategy:1\n", ":1", "strategy:a b"]
)
async def test_a_name_that_is_no_object_is_an_error_of_the_caller(lab: Lab, obj: str) -> None:
    """A brace or a space would change the slot or the meaning of the keys, so it is refused before anything is sent."""
    with pytest.raises(InvalidObject, match="is no cache object"):
        await lab.store.get(obj, "doc")
    with pytest.raises(InvalidObject):
        await lab.store.fill(obj, "doc", "lease", entry(1))
    with pytest.raises(InvalidObject):
        await lab.store.invalidate({obj: 1})


@pytest.mark.parametrize("version", [-1, 2**53])
async def test_a_version_that_cannot_be_compared_is_an_error_of_the_caller(lab: Lab, version: int) -> None:
    """Doubles tell versions apart up to 2**53 only."""
    with pytest.raises(ValueError, match="out of range"):
        await lab.store.get(STRATEGY, "doc", min_version=version)
    with pytest.raises(ValueError, match="out of range"):
        await lab.store.fill(STRATEGY, "doc", "lease", entry(version))
    with pytest.raises(ValueError, match="out of range"):
        await lab.store.invalidate({STRATEGY: version})


async def test_nothing_to_invalidate_is_nothing_to_do(lab: Lab) -> None:
    """An event that touches no object succeeds."""
    assert await lab.store.invalidate({}) == Invalidated()


async def test_the_fake_can_be_out_of_reach() -> None:
    """Other packages' tests can take the cache away and give it back."""
    store = FakeCacheStore()
    store.reachable = False
    assert not store.connected
    store.reachable = True
    assert await store.ping()

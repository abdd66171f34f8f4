"""What writers may rely on: nobody is served less than they commit, whatever becomes of them."""

import pytest

from shared.cache.disabled import DisabledCacheStore
from shared.cache.fake import FakeCacheStore
from shared.cache.keys import InvalidObject
from shared.cache.orphans import ORPHAN_AFTER_MS
from shared.cache.results import CacheUnavailable, FillOutcome, Hit, Invalidated, Miss
from shared.cache.tests.labs import FakeLab, Lab
from shared.cache.tests.mutants import IgnoresLowerRaises
from shared.cache.tests.races import STRATEGY, entry, lease, store_entry

LONG = ORPHAN_AFTER_MS / 1000 + 1


async def test_an_entry_below_a_raised_floor_is_not_served_before_the_event_comes(lab: Lab) -> None:
    """From the raise on, which is before COMMIT, so that whoever asks after the commit sees it."""
    await store_entry(lab.store, 4)
    taken = await lease(lab.store, variant="other")
    assert await lab.floors.raise_({STRATEGY: 5}, "writer")
    assert isinstance(await lab.store.get(STRATEGY, "doc"), Miss)
    assert await lab.store.fill(STRATEGY, "other", taken, entry(4)) is FillOutcome.FLOOR
    await store_entry(lab.store, 5)
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(5))
    assert await lab.store.invalidate({STRATEGY: 5}) == Invalidated(1, 0, 0)
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(5))


async def test_a_floor_is_raised_for_an_object_that_nobody_has_read(lab: Lab) -> None:
    """A reader who misses between the raise and the commit must not fill what he read before the commit."""
    assert await lab.floors.raise_({STRATEGY: 5}, "writer")
    assert await lab.store.fill(STRATEGY, "doc", await lease(lab.store), entry(4)) is FillOutcome.FLOOR


async def test_all_objects_of_a_write_are_raised(lab: Lab) -> None:
    """Those of both keepers, in one call; and of none in none."""
    objects = {STRATEGY: 5, "strategies:1": 9, "backtests:1": 2}
    for obj, version in objects.items():
        await store_entry(lab.store, version - 1, obj)
    assert await lab.floors.raise_(objects, "writer")
    for obj in objects:
        assert isinstance(await lab.store.get(obj, "doc"), Miss)
    assert await lab.floors.raise_({}, "writer")


async def test_a_floor_is_never_lowered_by_a_raise(lab: Lab) -> None:
    """One that arrives late raises nothing, and is not its writer's to take back."""
    await store_entry(lab.store, 7)
    await lab.floors.raise_({STRATEGY: 7}, "second")
    await lab.floors.raise_({STRATEGY: 6}, "first")
    await lab.floors.take_back({STRATEGY: 6}, "first")
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(7))
    assert await lab.store.fill(STRATEGY, "doc", await lease(lab.store, variant="x"), entry(6)) is FillOutcome.FLOOR


async def test_what_was_taken_back_is_forgotten(lab: Lab) -> None:
    """After a rollback the object is read and stored again at the version it has; under a new life, for in the old
    one a reader may be about to fill what is older still.
    """
    await store_entry(lab.store, 3)
    taken = await lease(lab.store, variant="other")
    await lab.floors.raise_({STRATEGY: 5}, "writer")
    await lab.floors.take_back({STRATEGY: 5}, "writer")
    assert await lab.store.fill(STRATEGY, "other", taken, entry(3)) is FillOutcome.HEAD_GONE
    await store_entry(lab.store, 4)
    assert await lab.store.fill(STRATEGY, "other", taken, entry(3)) is FillOutcome.LINEAGE
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(4))


async def test_a_floor_is_taken_back_only_by_who_raised_it_last(lab: Lab) -> None:
    """After a rollback the next writer has the same version, and commits it."""
    await lab.floors.raise_({STRATEGY: 5}, "first")
    await lab.floors.raise_({STRATEGY: 5}, "second")
    await lab.floors.take_back({STRATEGY: 5}, "first")
    assert await lab.store.fill(STRATEGY, "doc", await lease(lab.store), entry(4)) is FillOutcome.FLOOR
    await lab.floors.take_back({STRATEGY: 4}, "second")
    assert await lab.store.fill(STRATEGY, "doc", await lease(lab.store), entry(4)) is FillOutcome.FLOOR


async def test_a_floor_that_an_event_has_confirmed_is_not_taken_back(lab: Lab) -> None:
    """The event says that it was committed, whatever the writer thinks."""
    await lab.floors.raise_({STRATEGY: 5}, "writer")
    await lab.store.invalidate({STRATEGY: 5})
    await lab.floors.take_back({STRATEGY: 5}, "writer")
    assert await lab.store.fill(STRATEGY, "doc", await lease(lab.store), entry(4)) is FillOutcome.FLOOR


async def test_the_floor_of_a_writer_that_died_is_dropped_in_time(lab: Lab) -> None:
    """By a reader whose lease is of after every such writer's end; the object is then stored again, and counted."""
    await store_entry(lab.store, 4)
    await lab.floors.raise_({STRATEGY: 5}, "died")
    young = await lease(lab.store)
    assert await lab.store.fill(STRATEGY, "doc", young, entry(4)) is FillOutcome.FLOOR
    await lab.pass_time(LONG)
    assert await lab.store.fill(STRATEGY, "doc", lab.aged(young, LONG), entry(4)) is FillOutcome.FLOOR
    assert lab.store.stats.snapshot()["strategy"].orphan_floors == 0
    assert await lab.store.fill(STRATEGY, "doc", await lease(lab.store), entry(4)) is FillOutcome.STORED
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(4))
    assert lab.store.stats.snapshot()["strategy"].orphan_floors == 1
    await store_entry(lab.store, 4, variant="other")
    assert lab.store.stats.snapshot()["strategy"].orphan_floors == 1


async def test_a_slow_reader_does_not_drop_the_floor_of_a_writer_that_lives(lab: Lab) -> None:
    """His lease may be older than the raise by any time: what counts is not how long ago the floor was raised."""
    slow = await lease(lab.store)
    await lab.floors.raise_({STRATEGY: 5}, "lives")
    await lab.pass_time(LONG)
    assert await lab.store.fill(STRATEGY, "doc", lab.aged(slow, LONG), entry(4)) is FillOutcome.FLOOR


async def test_a_writer_below_an_orphan_keeps_it(lab: Lab) -> None:
    """Whatever the dead one's version was: while somebody writes, a reader cannot tell what is committed."""
    await lab.floors.raise_({STRATEGY: 9}, "died")
    await lab.pass_time(LONG)
    await lab.floors.raise_({STRATEGY: 5}, "lives")
    assert await lab.store.fill(STRATEGY, "doc", await lease(lab.store), entry(4)) is FillOutcome.FLOOR


async def test_a_store_that_takes_no_note_of_it_is_found_out() -> None:
    """The test above can fail."""
    with pytest.raises(AssertionError):
        await test_a_writer_below_an_orphan_keeps_it(FakeLab(IgnoresLowerRaises))


async def test_a_lease_that_cannot_be_read_fits_nothing(lab: Lab) -> None:
    """Leases are the store's own; any other text is refused like one of another life."""
    taken = await lease(lab.store)
    for wrong in ("", "@", taken.partition("@")[0], taken.replace("@", "@-"), f"x{taken}"):
        assert await lab.store.fill(STRATEGY, "doc", wrong, entry(4)) is FillOutcome.LINEAGE


async def test_a_raise_counts_by_type_and_outcome(lab: Lab) -> None:
    """So that an operator sees how often writers found the cache closed, or gone."""
    await lab.floors.raise_({STRATEGY: 5, "strategies:1": 2}, "writer")
    counts = lab.store.stats.snapshot()
    assert counts["strategy"].raises == {"done": 1}
    assert counts["strategies"].raises == {"done": 1}


@pytest.mark.parametrize("wrong", [{"strategy": 1}, {"strategy:{1}": 1}])
async def test_a_name_that_is_no_object_is_an_error_of_the_writer(lab: Lab, wrong: dict[str, int]) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidObject):
        await lab.floors.raise_(wrong, "writer")
    with pytest.raises(InvalidObject):
        await lab.floors.take_back(wrong, "writer")
    with pytest.raises(ValueError, match="out of range"):
        await lab.floors.raise_({STRATEGY: -1}, "writer")


async def test_without_a_server_a_raise_fails_and_taking_back_does_not() -> None:
    """The writer chooses what a failed raise means; a rollback is not held up by anything."""
    store = FakeLab(FakeCacheStore).store
    store.reachable = False
    with pytest.raises(CacheUnavailable):
        await store.raise_({STRATEGY: 5}, "writer")
    await store.take_back({STRATEGY: 5}, "writer")
    assert store.stats.snapshot()["strategy"].raises == {"unanswered": 1}


async def test_without_a_cache_there_is_nothing_to_raise() -> None:
    """Nor to take back."""
    store = DisabledCacheStore()
    assert not await store.raise_({STRATEGY: 5}, "writer")
    await store.take_back({STRATEGY: 5}, "writer")

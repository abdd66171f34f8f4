"""Opening the cache, and what is kept from readers until it is open."""

from shared.cache.disabled import DisabledCacheStore
from shared.cache.opening import OPENING_SECONDS, Opening
from shared.cache.results import Bypass, BypassReason, FillOutcome, Hit, Invalidated, Miss
from shared.cache.tests.labs import FakeLab, Lab, ServerLab
from shared.cache.tests.opened import open_cache
from shared.cache.tests.races import STRATEGY, entry, lease, store_entry
from shared.contracts.objects import KEEPERS

BACKTEST = "backtest:0190a6f2-7c1e-7d30-8a54-3f1f5f0d0003"
CLOSED = Bypass(BypassReason.CLOSED)


async def begun(lab: Lab) -> Opening:
    """Lose all, and begin to open for the strategy service's objects."""
    await lab.lose()
    opening = await lab.openings.begin("strategy")
    assert opening is not None
    return opening


async def test_a_cache_that_was_lost_is_closed(lab: Lab) -> None:
    """Nobody is served, nothing is stored, and a raise is answered: its writer is waited for when it is opened."""
    await store_entry(lab.store, 4)
    taken = await lease(lab.store, variant="other")
    await lab.lose()
    for keeper in KEEPERS:
        assert not await lab.openings.is_open(keeper)
    assert await lab.store.get(STRATEGY, "doc") == CLOSED
    assert await lab.store.get(BACKTEST, "doc") == CLOSED
    assert await lab.store.fill(STRATEGY, "other", taken, entry(4)) is FillOutcome.CLOSED
    assert await lab.floors.raise_({STRATEGY: 5}, "writer")
    await lab.floors.take_back({STRATEGY: 5}, "writer")
    assert await lab.store.invalidate({STRATEGY: 5}) == Invalidated()
    await open_cache(lab.openings)
    assert await lab.store.fill(STRATEGY, "other", taken, entry(4)) is FillOutcome.HEAD_GONE
    await store_entry(lab.store, 5)


async def test_what_is_left_when_the_state_is_lost_is_removed_by_events(lab: Lab) -> None:
    """It takes room, and will never be served."""
    await store_entry(lab.store, 4)
    await lab.evict_state("strategy")
    assert await lab.store.get(STRATEGY, "doc") == CLOSED
    assert await lab.store.invalidate({STRATEGY: 4}) == Invalidated(0, 0, 1)


async def test_between_begin_and_finish_nobody_is_served_and_nothing_is_stored(lab: Lab) -> None:
    """A writer who knew no state may still be about to commit."""
    taken = await lease(lab.store)
    opening = await begun(lab)
    assert not await lab.openings.is_open("strategy")
    assert await lab.store.get(STRATEGY, "doc") == CLOSED
    assert await lab.store.fill(STRATEGY, "doc", taken, entry(4)) is FillOutcome.CLOSED
    assert await lab.openings.finish(opening)
    assert await lab.openings.is_open("strategy")
    await store_entry(lab.store, 4)
    counts = lab.store.stats.snapshot()["strategy"]
    assert (counts.bypasses, counts.fills_refused) == ({"closed": 1}, {"closed": 1})


async def test_each_keeper_opens_its_own(lab: Lab) -> None:
    """What is not open for one service's objects is for the other's."""
    await lab.wipe()
    await lab.evict_state("strategy")
    opening = await lab.openings.begin("strategy")
    assert opening is not None
    assert await lab.store.get(STRATEGY, "doc") == CLOSED
    await store_entry(lab.store, 4, BACKTEST)
    assert await lab.store.get(BACKTEST, "doc") == Hit(entry(4))


async def test_what_is_raised_while_it_is_being_opened_counts(lab: Lab) -> None:
    """The opener waits for the transactions that were running when it began, and for none that began later."""
    opening = await begun(lab)
    assert await lab.floors.raise_({STRATEGY: 5}, "writer")
    assert await lab.openings.finish(opening)
    assert await lab.store.fill(STRATEGY, "doc", await lease(lab.store), entry(4)) is FillOutcome.FLOOR
    assert lab.store.stats.snapshot()["strategy"].raises == {"done": 1}


async def test_what_is_open_is_not_opened_again(lab: Lab) -> None:
    """Several replicas try; what readers have stored stays."""
    await store_entry(lab.store, 4)
    await open_cache(lab.openings)
    await lab.pass_time(OPENING_SECONDS + 1)
    for keeper in KEEPERS:
        assert await lab.openings.begin(keeper) is None
    assert await lab.store.get(STRATEGY, "doc") == Hit(entry(4))


async def test_of_several_openers_one_begins(lab: Lab) -> None:
    """Until it has surely given up; then another may, and the first one's opening is void."""
    first = await begun(lab)
    assert await lab.openings.begin("strategy") is None
    await lab.pass_time(OPENING_SECONDS + 1)
    second = await lab.openings.begin("strategy")
    assert second is not None
    assert second.incarnation != first.incarnation
    assert not await lab.openings.finish(first)
    assert not await lab.openings.is_open("strategy")
    assert await lab.openings.finish(second)
    assert not await lab.openings.finish(second)


async def test_an_opening_of_the_future_has_been_given_up(lab: Lab) -> None:
    """The server's clock was set back by more than anybody would wait: the cache must not stay closed for so long."""
    await begun(lab)
    await lab.pass_time(-3600)
    assert await lab.openings.begin("strategy") is not None


async def test_an_opening_that_was_lost_is_not_finished(lab: Lab) -> None:
    """The server lost the state in between: who began knows of no writer since."""
    opening = await begun(lab)
    await lab.lose()
    assert not await lab.openings.finish(opening)


async def test_a_state_of_another_process_is_none(lab: Lab) -> None:
    """Failed over, or restored from a file: what it holds may be older than what was served."""
    await store_entry(lab.store, 4)
    taken = await lease(lab.store, variant="other")
    kept = await lab.keep()
    await lab.floors.raise_({STRATEGY: 5}, "writer")
    await lab.store.invalidate({STRATEGY: 5})
    await lab.roll_back(kept)
    assert not await lab.openings.is_open("strategy")
    assert await lab.store.get(STRATEGY, "doc") == CLOSED
    assert await lab.store.fill(STRATEGY, "other", taken, entry(4)) is FillOutcome.CLOSED
    assert await lab.floors.raise_({STRATEGY: 6}, "writer")
    assert lab.store.stats.snapshot()["strategy"].raises["closed"] == 1


async def test_an_opening_of_another_process_is_not_finished(lab: Lab) -> None:
    """The writers that the opener waited for were another process's."""
    opening = await begun(lab)
    await lab.roll_back(await lab.keep())
    assert not await lab.openings.finish(opening)
    assert await lab.openings.begin("strategy") is not None


async def test_nothing_from_before_an_opening_is_served_after_it(lab: Lab) -> None:
    """Heads and entries of an earlier incarnation count as absent, though nobody has looked for them to remove."""
    await store_entry(lab.store, 4)
    taken = await lease(lab.store, variant="other")
    await lab.evict_state("strategy")
    await open_cache(lab.openings)
    assert await lab.store.fill(STRATEGY, "other", taken, entry(4)) is FillOutcome.HEAD_GONE
    assert isinstance(await lab.store.get(STRATEGY, "doc"), Miss)
    assert await lab.store.fill(STRATEGY, "other", taken, entry(4)) is FillOutcome.LINEAGE


async def test_a_floor_from_before_an_opening_is_neither_kept_nor_taken_back(lab: Lab) -> None:
    """Who raised it has ended. An event finds no head, and removes what is stored below."""
    await store_entry(lab.store, 4)
    await lab.floors.raise_({STRATEGY: 9}, "writer")
    await lab.evict_state("strategy")
    await open_cache(lab.openings)
    await lab.floors.take_back({STRATEGY: 9}, "writer")
    assert await lab.store.invalidate({STRATEGY: 4}) == Invalidated(0, 0, 1)
    await lab.floors.raise_({STRATEGY: 5}, "writer")
    assert await lab.store.fill(STRATEGY, "doc", await lease(lab.store), entry(5)) is FillOutcome.STORED


async def test_without_a_cache_there_is_nothing_to_open() -> None:
    """A service with REDIS_ENABLED=false does not try."""
    store = DisabledCacheStore()
    assert not await store.is_open("strategy")
    assert await store.begin("strategy") is None
    assert not await store.finish(Opening("strategy", "", ""))


async def test_a_writer_who_finds_it_closed_wakes_who_opens(any_lab: FakeLab | ServerLab) -> None:
    """Of a process that does both; while it is opening or open there is nobody to be woken."""
    found = any_lab.store.found_closed
    assert await any_lab.floors.raise_({STRATEGY: 5}, "writer")
    opening = await begun(any_lab)
    assert await any_lab.floors.raise_({STRATEGY: 6}, "writer")
    assert not found.is_set()
    await any_lab.lose()
    assert await any_lab.floors.raise_({STRATEGY: 7, BACKTEST: 1}, "writer")
    assert found.is_set()
    assert not await any_lab.openings.finish(opening)

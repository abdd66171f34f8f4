"""Reads through both levels: once for all who wait, never another's older value, made anew before the end."""

import asyncio
import random

import pytest

from shared.cache import reading
from shared.cache.disabled import DisabledCacheStore
from shared.cache.fake import FakeCacheStore
from shared.cache.flights import ROUNDS
from shared.cache.local import LocalCache
from shared.cache.reading import CachedReads, Fetched, Found
from shared.cache.record import Entry
from shared.cache.results import Lookup
from shared.cache.settings import CacheSettings

OBJECT = "strategy:1"
KEY = (OBJECT, "doc")
TTL = 100.0


class Database:
    """One row, read by `fetch`; with `hold` a read that has its row waits until it is let go."""

    def __init__(self) -> None:
        self.version = 1
        self.reads = 0
        self.failure: Exception | None = None
        self.held: list[asyncio.Event] = []
        self.hold = False
        self.versioned = True

    async def fetch(self) -> Fetched:
        """Read the row."""
        self.reads += 1
        entry = Entry(self.version, f'"{self.version}"', "alice", b"%d" % self.version)
        if self.hold:
            let_go = asyncio.Event()
            self.held.append(let_go)
            await let_go.wait()
        if self.failure is not None:
            raise self.failure
        return Fetched(entry, self.versioned)

    def let_go(self) -> None:
        """Answer the read that waits longest."""
        self.held.pop(0).set()


class Clock:
    """Both clocks."""

    now = 1000.0

    def __call__(self) -> float:  # noqa: D102  # the class says it
        return self.now


class Lab:
    """Reads over a store in memory, with a feed that is heard."""

    def __init__(self, *, capacity: int = 1 << 20, draw: float = 0.0) -> None:
        self.store = FakeCacheStore()
        self.local = LocalCache(capacity)
        self.local.opened()
        self.local.fresh_until = 1e12
        self.clock = Clock()
        self.database = Database()
        self.draw = draw
        self.reads = CachedReads(
            self.store,
            self.local,
            CacheSettings(url="", default_ttl=TTL),
            clock=self.clock,
            wall=self.clock,
            random=lambda: self.draw,
        )

    async def read(self, *, who: str = "alice", least: int = 0) -> Found:
        """Read as somebody."""
        return await self.reads.read(OBJECT, "doc", self.database.fetch, who=who, least=least)

    def start(self, **options: str) -> "asyncio.Task[Found]":
        """Begin to read."""
        return asyncio.create_task(self.read(**options))  # type: ignore[arg-type]  # options of `read`

    async def write(self) -> None:
        """Commit, and have both levels told."""
        self.database.version += 1
        await self.store.invalidate({OBJECT: self.database.version})
        self.local.raised(OBJECT, self.database.version)


async def in_time(reader: "asyncio.Task[Found]") -> Found:
    """What it is answered, which must not take for ever."""
    async with asyncio.timeout(10):
        return await reader


async def turns() -> None:
    """Let all go on who can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_reads_of_the_same_read_the_database_once() -> None:
    """Ten who miss at once cost one read, whichever level answers the nine."""
    for capacity in (0, 1 << 20):
        lab = Lab(capacity=capacity)
        found = await asyncio.gather(*(lab.read() for _ in range(10)))
        assert lab.database.reads == 1
        assert {each.entry.version for each in found} == {1}
        assert [each.source for each in found].count("miss") == 1


async def test_a_value_read_before_a_write_is_not_handed_on() -> None:
    """Who comes after a write was acknowledged never gets what an earlier reader had read, though it waited for it."""
    lab = Lab()
    lab.database.hold = True
    early = lab.start()
    await turns()
    await lab.write()
    late = lab.start()
    await turns()
    lab.database.hold = False
    lab.database.let_go()
    assert (await early).entry.version == 1
    assert (await late).entry.version == 2
    assert lab.database.reads == 2


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gives up waiting: what is waited for has to come."""
    monkeypatch.setattr(reading, "WAIT_SECONDS", 3600.0)


@pytest.mark.usefixtures("patient")
async def test_after_two_rounds_one_reads_oneself() -> None:
    """Nobody waits for ever for others whose answers the cache refuses."""
    lab = Lab()
    place = (OBJECT, "doc", "alice")
    land = lab.reads._flights.take_off(place)
    late = lab.start()
    for _ in range(ROUNDS):
        await turns()
        assert lab.database.reads == 0
        ended, land = land, lab.reads._flights.take_off(place)
        ended()
    assert (await in_time(late)).source == "miss"


async def test_nobody_waits_for_another_account() -> None:
    """What one may not read, or reads slowly, holds up nobody else."""
    lab = Lab()
    lab.database.hold = True
    stranger = lab.start(who="mallory")
    await turns()
    lab.database.hold = False
    assert (await lab.read(who="alice")).source == "miss"
    lab.database.let_go()
    await stranger


async def test_a_read_that_fails_is_its_readers_alone() -> None:
    """Who waited for it reads, rather than fail with it."""
    lab = Lab()
    lab.database.hold, lab.database.failure = True, RuntimeError("gone")
    first = lab.start()
    await turns()
    second = lab.start()
    await turns()
    lab.database.let_go()
    with pytest.raises(RuntimeError, match="gone"):
        await first
    await turns()
    lab.database.failure = None
    lab.database.let_go()
    assert (await second).source == "miss"


@pytest.mark.usefixtures("patient")
async def test_a_reader_who_leaves_lets_the_others_go_on() -> None:
    """A client that is gone in the middle of its read holds up nobody."""
    lab = Lab()
    lab.database.hold = True
    first = lab.start()
    await turns()
    second = lab.start()
    await turns()
    lab.database.hold = False
    first.cancel()
    assert (await in_time(second)).source == "miss"


async def test_one_waits_for_so_long_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that is slow for one reader is not for the next one what its own deadline is and the other's."""
    monkeypatch.setattr(reading, "WAIT_SECONDS", 0.01)
    lab = Lab()
    lab.database.hold = True
    first = lab.start()
    await turns()
    lab.database.hold = False
    assert (await in_time(lab.start())).source == "miss"
    assert not first.done()
    lab.database.let_go()
    await first


async def test_what_the_shared_cache_refuses_is_not_kept() -> None:
    """A slow reader's old row, which is refused there, does not stay in this process either."""
    lab = Lab()
    lab.database.hold = True
    slow = lab.start()
    await turns()
    lab.database.version += 1
    await lab.store.invalidate({OBJECT: 2})  # and the feed has not told of it yet
    lab.database.let_go()
    assert (await slow).entry.version == 1
    await lab.reads.settle()
    assert lab.local.peek(KEY) is None


class Slow(FakeCacheStore):
    """Its answers are on their way until they are let go."""

    def __init__(self) -> None:
        super().__init__()
        self.arrive = asyncio.Event()

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Answer late."""
        found = await super().get(obj, variant, min_version=min_version)
        await self.arrive.wait()
        return found


@pytest.mark.parametrize("overtakes", ["announcement", "lost feed"])
async def test_an_answer_that_is_overtaken_is_not_kept(overtakes: str) -> None:
    """An entry of the shared cache whose invalidation, or the loss of the feed, comes first is given and not kept."""
    lab = Lab()
    lab.store = lab.reads.store = Slow()
    lab.store.arrive.set()
    await lab.read()
    await lab.reads.settle()
    lab.local.opened()
    lab.local.fresh_until = 1e12
    lab.store.arrive.clear()
    reader = lab.start()
    await turns()
    if overtakes == "announcement":
        lab.local.raised(OBJECT, 2)
    else:
        lab.local.lost()
        lab.local.opened()
        lab.local.fresh_until = 1e12
    lab.store.arrive.set()
    assert (await reader).source == "l2"
    assert lab.local.peek(KEY) is None
    await lab.read()
    assert lab.local.peek(KEY) is not None  # the next one is: nothing came before it


async def test_what_has_no_version_is_not_offered() -> None:
    """An answer of which nobody says how new it is goes to its reader alone."""
    lab = Lab()
    lab.database.versioned = False
    for _ in range(2):
        assert (await lab.read()).source == "miss"
    await lab.reads.settle()
    assert lab.store.stats.snapshot()["strategy"].fills == 0


async def test_an_entry_is_made_anew_before_it_ends() -> None:
    """Who reads it shortly before its end is answered at once, and one read makes it anew for all."""
    lab = Lab(draw=0.5)
    lab.database.hold = True
    first = lab.start()
    await turns()
    lab.clock.now += 2.0  # what the read cost
    lab.database.let_go()
    await first
    await lab.reads.settle()
    held = lab.local.peek(KEY)
    assert held is not None
    assert 0 < held.expires - held.refresh_at < 10
    lab.clock.now = held.refresh_at
    for _ in range(3):
        found = await lab.read()
        assert (found.source, found.entry) == ("l1", held.entry)
    await turns()
    assert lab.database.reads == 2
    lab.database.let_go()
    await lab.reads.settle()
    anew = lab.local.peek(KEY)
    assert anew is not None
    assert anew.entry.made > held.entry.made
    assert anew.expires > held.expires


async def test_what_cannot_be_made_anew_is_tried_once() -> None:
    """A service that fails is not asked by every reader of an entry that is about to end."""
    lab = Lab()
    await lab.read()
    await lab.reads.settle()
    held = lab.local.peek(KEY)
    assert held is not None
    lab.clock.now, lab.database.failure = held.refresh_at, RuntimeError("gone")
    held.expires += 10
    for _ in range(3):
        assert (await lab.read()).source == "l1"
        await lab.reads.settle()
    assert lab.database.reads == 2


async def test_without_a_first_level_it_is_made_anew_too() -> None:
    """A hit in the shared cache at the end of an entry's life has it made anew."""
    lab = Lab(capacity=0)
    await lab.read()
    await lab.reads.settle()
    lab.clock.now += TTL
    assert (await lab.read()).source == "l2"
    await lab.reads.settle()
    assert lab.database.reads == 2
    assert (await lab.read()).entry.made == int(lab.clock.now)


async def test_a_process_keeps_nothing_longer_than_the_shared_cache() -> None:
    """Whatever is drawn, it ends 0.8 to 0.9 of its time to live after it was read: there it lives 0.9 at least."""
    draws = random.Random(7)
    for age in (0, 30, 79):
        for _ in range(20):
            lab = Lab(draw=draws.random())
            await lab.store.fill(OBJECT, "doc", await lease_of(lab.store), entry(made=int(lab.clock.now)))
            lab.clock.now += age
            await lab.read()
            held = lab.local.peek(KEY)
            assert held is not None
            assert 0.8 * TTL - 1 <= held.expires - held.entry.made <= 0.9 * TTL


async def lease_of(store: FakeCacheStore) -> str:
    """Miss, and return the lease."""
    found = await store.get(OBJECT, "doc")
    return found.lease  # type: ignore[union-attr]  # it is empty


def entry(made: int) -> Entry:
    """Read at that time."""
    return Entry(1, '"1"', "alice", b"1", made=made)


async def test_a_lost_cache_costs_speed_only() -> None:
    """Every read goes to the database, and nothing is kept."""
    lab = Lab()
    lab.store.reachable = False
    assert [(await lab.read()).source for _ in range(2)] == ["bypass", "bypass"]
    assert lab.local.peek(KEY) is None


async def test_while_the_cache_is_away_reads_are_shared() -> None:
    """A hundred at once cost one read of the database; who comes while it is under way shares the next one."""
    lab = Lab()
    lab.store.reachable, lab.database.hold = False, True
    first = [lab.start() for _ in range(100)]
    await turns()
    late = [lab.start() for _ in range(100)]
    await turns()
    assert lab.database.reads == 1
    lab.database.let_go()
    await turns()
    lab.database.let_go()
    assert {(await in_time(each)).source for each in (*first, *late)} == {"bypass"}
    assert lab.database.reads == 2


async def test_a_shared_read_is_never_older_than_its_readers() -> None:
    """Who comes after a write was acknowledged sees it, though a read of before is still under way."""
    lab = Lab()
    lab.store.reachable, lab.database.hold = False, True
    early = lab.start()
    await turns()
    lab.database.version = 2
    late = lab.start()
    await turns()
    lab.database.let_go()
    await turns()
    lab.database.let_go()
    assert [(await in_time(each)).entry.version for each in (early, late)] == [1, 2]


async def test_nobody_shares_with_another_account() -> None:
    """What is read in somebody's name is his alone, while the cache is away too."""
    lab = Lab()
    lab.store.reachable, lab.database.hold = False, True
    readers = [lab.start(who=who) for who in ("alice", "mallory")]
    await turns()
    assert lab.database.reads == 2
    for reader in readers:
        lab.database.let_go()
        await in_time(reader)


async def test_a_cache_that_is_switched_off_shares_nothing() -> None:
    """Each read is made, as whoever has switched it off expects."""
    lab = Lab(capacity=0)
    lab.reads.store = DisabledCacheStore()
    assert {each.source for each in await asyncio.gather(*(lab.read() for _ in range(5)))} == {"bypass"}
    assert lab.database.reads == 5


async def test_a_token_goes_past_both_levels() -> None:
    """Who must see a version gets it, whatever is held; who need not, what is there."""
    lab = Lab()
    await lab.read()
    await lab.reads.settle()
    lab.database.version = 2
    assert (await lab.read()).entry.version == 1
    assert (await lab.read(least=2)).entry.version == 2

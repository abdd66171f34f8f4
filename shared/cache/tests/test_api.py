"""The plain API: on the fake and on a real server."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from shared.cache.api import TTL, PlainCache
from shared.cache.disabled import DisabledCacheStore
from shared.cache.fake import FakeCacheStore
from shared.cache.keys import InvalidObject
from shared.cache.operators import OperatedCache
from shared.cache.plain import Forgotten, OperatedStore, PlainStore
from shared.cache.results import CacheUnavailable, Hit, Miss
from shared.cache.tests.labs import FakeLab, ServerLab
from shared.cache.tests.races import store_entry
from shared.contracts.objects import backtests_object, strategies_object, strategy_object, user_object


class Rate(msgspec.Struct, frozen=True):
    """A value as other code may have them."""

    pair: str
    price: float
    at: datetime


RATE = Rate("EURUSD", 1.0875, datetime(2026, 11, 29, tzinfo=UTC))


class Hands:
    """A clock and a die, set by the test: half-way means that nothing is jittered."""

    now = 1_000_000.0
    drawn = 0.5


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def store(any_lab: FakeLab | ServerLab) -> PlainStore:
    """Each store in turn, empty."""
    return any_lab.store


@pytest.fixture
def cache(store: PlainStore, hands: Hands) -> PlainCache:
    return PlainCache(store, clock=lambda: hands.now, random=lambda: hands.drawn)


class Source:
    """Where values come from; each is made when it is let, and counted."""

    def __init__(self) -> None:
        self.made = 0
        self.value: Any = RATE
        self.asked = asyncio.Event()
        self.let = asyncio.Event()
        self.let.set()

    async def make(self) -> Any:
        """Make one."""
        self.made += 1
        value = self.value
        self.asked.set()
        await self.let.wait()
        return value


@pytest.fixture
def source() -> Source:
    return Source()


def reading(cache: PlainCache, source: Source, **more: float) -> Callable[[], Awaitable[Any]]:
    """A read of one value through the cache."""
    return lambda: cache.through("rates", "EURUSD", cast("type[Any]", Rate | None), source.make, **more)


async def test_what_was_set_is_got(cache: PlainCache) -> None:
    """As the kind that is asked for; what is not there, or is of another kind, is the default."""
    assert await cache.get("rate", Rate) is None
    assert await cache.set("rate", RATE)
    assert await cache.get("rate", Rate) == RATE
    assert await cache.get("rate", int, -1) == -1
    assert await cache.get("other", Rate, RATE) == RATE
    assert await cache.set("rate", None)
    assert await cache.get("rate", cast("type[Any]", Rate | None), "nothing") is None


async def test_a_value_ends(cache: PlainCache, any_lab: FakeLab | ServerLab, hands: Hands) -> None:
    """After its time, by the clock of who reads; on a server its memory is free by then too."""
    await cache.set("rate", RATE, ttl=60)
    hands.drawn = 0.0
    hands.now += 59.9
    assert await cache.get("rate", Rate) == RATE
    hands.now += 0.2
    assert await cache.get("rate", Rate) is None
    if isinstance(any_lab, ServerLab):
        lives = [await any_lab.client.pttl(key) for key in await any_lab.client.keys("*/app:rate/*")]
        assert [55_000 < life <= 60_000 for life in lives] == [True]


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 90), (0.5, 100), (0.999999, 110)])
async def test_values_that_came_together_do_not_end_together(
    cache: PlainCache, hands: Hands, drawn: float, seconds: float
) -> None:
    """Ten per cent either way."""
    hands.drawn = drawn
    await cache.set("rate", RATE, ttl=100)
    hands.drawn = 0.0
    hands.now += seconds - 0.1
    assert await cache.get("rate", Rate) == RATE
    hands.now += 0.2
    assert await cache.get("rate", Rate) is None


async def test_what_was_deleted_is_gone(cache: PlainCache) -> None:
    """Of several at once, and of nothing else; again is no harm."""
    for name in ("a", "b", "c"):
        await cache.set(name, RATE)
    for _ in range(2):
        await cache.delete("a", "b", "never")
    assert [await cache.get(name, Rate) for name in ("a", "b", "c")] == [None, None, RATE]


async def test_what_was_deleted_does_not_come_back(cache: PlainCache, source: Source) -> None:
    """A value whose making began before the deletion is returned to who asked, and not stored."""
    source.let.clear()
    old = asyncio.ensure_future(reading(cache, source)())
    await source.asked.wait()
    await cache.delete("rates")
    source.let.set()
    assert await old == RATE
    source.value = None
    assert await reading(cache, source)() is None
    assert source.made == 2


async def test_a_slow_maker_does_not_replace_what_was_set(cache: PlainCache, source: Source) -> None:
    """Who sets a value is sure that nothing made before is served."""
    source.let.clear()
    old = asyncio.ensure_future(reading(cache, source)())
    await source.asked.wait()
    await cache.set("rates", RATE)
    source.let.set()
    await old
    source.value = None
    assert await reading(cache, source)() is None


async def test_a_value_is_made_once_for_all_who_wait(cache: PlainCache, source: Source) -> None:
    """A hundred who find nothing: one asks the source, the others are served from the cache."""
    source.let.clear()
    readers = [asyncio.ensure_future(reading(cache, source)()) for _ in range(100)]
    await source.asked.wait()
    source.let.set()
    assert await asyncio.gather(*readers) == [RATE] * 100
    assert source.made == 1
    assert await reading(cache, source)() == RATE
    assert source.made == 1


async def test_nobody_takes_a_value_that_was_made_before_he_asked(cache: PlainCache, source: Source) -> None:
    """Who comes after a deletion is not given what was read before it, though he waited for just that."""
    source.let.clear()
    first = asyncio.ensure_future(reading(cache, source)())
    await source.asked.wait()
    source.value = None
    await cache.delete("rates")
    second = asyncio.ensure_future(reading(cache, source)())
    await asyncio.sleep(0)
    source.let.set()
    assert await first == RATE
    assert await second is None


async def test_a_failure_is_its_own_askers(cache: PlainCache, source: Source) -> None:
    """Nothing is kept of it, who waited tries himself, and nobody waits for ever."""

    async def fail() -> Rate:
        await source.make()
        raise OSError("the source is away")

    source.let.clear()
    failing = asyncio.ensure_future(cache.through("rates", "EURUSD", Rate, fail))
    await source.asked.wait()
    waiting = asyncio.ensure_future(reading(cache, source)())
    await asyncio.sleep(0)
    source.let.set()
    with pytest.raises(OSError, match="away"):
        await failing
    assert await waiting == RATE


async def test_nothing_is_an_answer_too(cache: PlainCache, source: Source, hands: Hands) -> None:
    """None is kept, for the shorter time."""
    source.value = None
    read = reading(cache, source, ttl=100, negative_ttl=10)
    assert [await read() for _ in range(3)] == [None] * 3
    assert source.made == 1
    hands.drawn = 0.0
    hands.now += 10.1
    await read()
    assert source.made == 2


async def test_a_value_is_made_anew_before_its_end(cache: PlainCache, source: Source, hands: Hands) -> None:
    """By one, the likelier the nearer its end and the longer it took, while others are served what is there."""

    async def make() -> Rate:
        hands.now += 5
        return cast("Rate", await source.make())

    def read() -> Awaitable[Rate]:
        return cache.through("rates", "EURUSD", Rate, make, ttl=100)

    await read()
    hands.now += 90
    hands.drawn = 1 - math.exp(-1.9)  # 9.5 s early: not yet
    await read()
    assert source.made == 1
    hands.drawn = 1 - math.exp(-2.1)  # 10.5 s early
    source.let.clear()
    source.asked.clear()
    early = asyncio.ensure_future(read())
    await source.asked.wait()
    assert await read() == RATE
    source.let.set()
    assert await early == RATE
    assert source.made == 2
    hands.drawn = 0.0
    hands.now += 50
    assert await read() == RATE
    assert source.made == 2


async def test_without_a_cache_everybody_makes_his_own(source: Source) -> None:
    """Switched off or out of reach it costs speed only; what cannot be forgotten is said."""
    away = FakeCacheStore()
    away.reachable = False
    for store in (DisabledCacheStore(), away):
        cache = PlainCache(store)
        before = source.made
        assert [await reading(cache, source)() for _ in range(2)] == [RATE] * 2
        assert source.made == before + 2
        assert await cache.get("rate", Rate) is None
    with pytest.raises(CacheUnavailable):
        await PlainCache(away).delete("rate")
    with pytest.raises(CacheUnavailable):
        await PlainCache(away).set("rate", RATE)
    assert not await PlainCache(DisabledCacheStore()).set("rate", RATE)


async def test_while_the_cache_is_away_a_value_is_made_once_for_all_who_ask_at_once(source: Source) -> None:
    """Who asks while it is being made shares the next one, which is made of what the source is then."""
    away = FakeCacheStore()
    away.reachable = False
    cache = PlainCache(away)
    source.let.clear()
    early = [asyncio.ensure_future(reading(cache, source)()) for _ in range(50)]
    await source.asked.wait()
    source.value = None
    late = [asyncio.ensure_future(reading(cache, source)()) for _ in range(50)]
    await asyncio.sleep(0)
    source.let.set()
    assert await asyncio.gather(*early, *late) == [RATE] * 50 + [None] * 50
    assert source.made == 2


async def test_without_a_cache_nobody_waits_for_another(source: Source) -> None:
    """Switched off, it takes no part in how values are made either."""
    source.let.clear()
    cache = PlainCache(DisabledCacheStore())
    readers = [asyncio.ensure_future(reading(cache, source)()) for _ in range(3)]
    for _ in range(10):
        await asyncio.sleep(0)
    assert source.made == 3
    source.let.set()
    await asyncio.gather(*readers)


async def test_a_value_of_an_older_release_is_made_anew(cache: PlainCache, source: Source) -> None:
    """What cannot be read as what is wanted now counts as absent, and is replaced."""

    async def older() -> int:
        return 3

    await cache.through("rates", "EURUSD", int, older)
    assert await reading(cache, source)() == RATE
    assert await reading(cache, source)() == RATE
    assert source.made == 1


async def test_a_strategys_and_a_users_answers_are_forgotten(cache: PlainCache, store: PlainStore) -> None:
    """Theirs, whatever the versions, and nobody else's."""
    theirs = [user_object("u"), strategies_object("u"), backtests_object("u")]
    for obj in (strategy_object("s"), *theirs, strategies_object("v")):
        await store_entry(store, 7, obj)
    assert await cache.invalidate_strategy_cache("s") == Forgotten(1, 1)
    assert isinstance(await store.get(strategy_object("s"), "doc"), Miss)
    assert await cache.invalidate_user_cache("u") == Forgotten(3, 3)
    assert [type(await store.get(obj, "doc")) for obj in theirs] == [Miss] * 3
    assert isinstance(await store.get(strategies_object("v"), "doc"), Hit)


async def test_its_use_is_counted(cache: PlainCache, source: Source) -> None:
    """By this process's own counters, of all types together and of each."""
    assert cache.get_stats().total.hit_rate is None
    for _ in range(4):
        await reading(cache, source)()
    await cache.delete("rates")
    connected, total, types = cache.get_stats()
    assert connected
    assert (total.hits, total.misses, total.fills, total.invalidations, total.hit_rate) == (3, 1, 1, 1, 0.75)
    assert types == {"app": total}
    bypassed = PlainCache(DisabledCacheStore())
    await bypassed.get("a", int)
    assert bypassed.get_stats().total.bypasses == {"disabled": 1}


@pytest.mark.parametrize("name", ["", "a b", "a/b", "{a}", "x" * 129])
async def test_a_name_that_is_none_is_the_callers_fault(cache: PlainCache, name: str) -> None:
    """Before anything is asked."""
    for act in (cache.get(name, int), cache.set(name, 1), cache.delete(name)):
        with pytest.raises(InvalidObject):
            await act


async def test_what_cannot_be_written_is_the_callers_fault(cache: PlainCache) -> None:
    """Rather than a value that comes back as something else."""
    with pytest.raises(TypeError):
        await cache.set("a", object())
    assert TTL == 300


async def test_operators_forget_by_pattern(operated: OperatedStore) -> None:
    """What matches and nothing else; and all there is."""
    cache = OperatedCache(operated)
    for obj in ("strategy:1", "strategy:2", "strategies:1", "user:1"):
        await store_entry(operated, 3, obj)
    assert await cache.delete_pattern("strategy:*") == Forgotten(2, 2)
    assert isinstance(await operated.get("strategy:1", "doc"), Miss)
    assert isinstance(await operated.get("strategies:1", "doc"), Hit)
    assert (await cache.clear_all()).entries == 2
    assert isinstance(await operated.get("user:1", "doc"), Miss)

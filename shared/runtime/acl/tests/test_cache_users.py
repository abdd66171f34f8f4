"""The users of the cache server: the whole of what every store promises, each step done by the user whose it is."""

import inspect
import re
from collections.abc import AsyncIterator, Mapping

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from shared.cache import keys, redis_store, scripts
from shared.cache.connect import connect
from shared.cache.keys import entry_key, head_key, state_key, variants_key
from shared.cache.looking import Looks
from shared.cache.opening import Opening, Openings
from shared.cache.redis_store import RedisCacheStore
from shared.cache.results import Bypass, BypassReason, CacheUnavailable, FillOutcome, Hit, Invalidated, Miss
from shared.cache.settings import CacheSettings
from shared.cache.tests import test_store
from shared.cache.tests.labs import ServerLab
from shared.cache.tests.opened import open_cache
from shared.cache.tests.races import STRATEGY, entry, lease, store_entry
from shared.contracts.objects import KEEPERS, Keeper
from shared.runtime.acl.rights import (
    CACHE_ENTRIES,
    CACHE_FEED,
    CACHE_HEADS,
    CACHE_KEYS,
    CACHE_STATES,
    INVALIDATE,
    LOOK_UP_AND_FILL,
    OPEN,
    OPERATOR,
    RAISE,
    REMOVE,
)
from shared.runtime.acl.tests.guarded import Guarded

pytestmark = pytest.mark.integration

# Every test that holds for every store, with the `lab` of this module.
globals().update(
    {
        name: test
        for name, test in vars(test_store).items()
        if name.startswith("test_") and "lab" in inspect.signature(test).parameters
    }
)


def store_of(server: Guarded, user: str) -> RedisCacheStore:
    """Return a store that logs in as `user`."""
    store = connect(CacheSettings(url=server.url(user), deadline=5, raise_deadline=5))
    assert isinstance(store, RedisCacheStore)
    return store


class OpenedByKeepers:
    """Each service opens the cache for its own objects."""

    def __init__(self, stores: Mapping[Keeper, RedisCacheStore]) -> None:
        self._stores = stores

    async def is_open(self, keeper: Keeper) -> bool:
        """Ask as the keeper."""
        return await self._stores[keeper].is_open(keeper)

    async def begin(self, keeper: Keeper) -> Opening | None:
        """Begin as the keeper."""
        return await self._stores[keeper].begin(keeper)

    async def finish(self, opening: Opening) -> bool:
        """Finish as the keeper."""
        return await self._stores[opening.keeper].finish(opening)


class UsersLab(ServerLab):
    """The gateway reads and fills, services raise and open, the invalidator invalidates, the operator breaks things."""

    def __init__(self, server: Guarded) -> None:
        super().__init__(server.url(OPERATOR))
        self.operators, self.store = self.store, store_of(server, "gateway")
        self.invalidators = store_of(server, "invalidator")
        self.keepers = {keeper: store_of(server, keeper) for keeper in KEEPERS}
        self.floors = self.keepers["strategy"]
        for other in (self.invalidators, self.floors):
            other.stats = self.store.stats
        self.store.invalidate = self.invalidators.invalidate  # type: ignore[method-assign]  # one store of two users
        self.openings: Openings = OpenedByKeepers(self.keepers)

    async def close(self) -> None:
        """Release every connection."""
        for store in (self.operators, self.invalidators, *self.keepers.values()):
            await store.close()
        await super().close()


@pytest.fixture
async def lab(unrefused_cache: Guarded) -> AsyncIterator[UsersLab]:
    """An empty cache of two users."""
    lab = UsersLab(unrefused_cache)
    await open_cache(lab.openings)
    yield lab
    await lab.close()


async def opened(server: Guarded) -> None:
    """Open the cache, as its operator."""
    store = store_of(server, OPERATOR)
    await open_cache(store)
    await store.close()


def test_the_suite_of_the_stores_is_run_here() -> None:
    """A suite that moved away would leave nothing to run."""
    assert len([name for name in globals() if name.startswith("test_") and name in vars(test_store)]) >= 13


def test_each_user_may_do_what_its_scripts_call_and_nothing_more() -> None:
    """Read from the scripts themselves; a hit needs no script, but one of their commands."""
    everybodys = {"time", "publish"}
    for commands, done_by in (
        (LOOK_UP_AND_FILL.commands, (scripts.GET, scripts.FILL)),
        (INVALIDATE.commands + REMOVE.commands, (scripts.INVALIDATE,)),
        (RAISE.commands, (scripts.RAISE, scripts.UNRAISE)),
        (OPEN.commands, (scripts.BEGIN, scripts.FINISH)),
    ):
        assert set(commands) == {name for script in done_by for name in calls(script)} - everybodys


def calls(script: scripts.Script) -> set[str]:
    """Return the commands that a script calls."""
    return {name.lower() for name in re.findall(r"redis\.p?call\('(\w+)'", script.source)}


def test_the_keys_are_those_of_the_protocol() -> None:
    """Written down twice, because neither package may know the other."""
    assert f"{keys.PREFIX}*" == CACHE_KEYS
    assert keys.FEED == CACHE_FEED
    assert head_key(STRATEGY).startswith(CACHE_HEADS[:-1])
    for key, pattern in zip((entry_key(STRATEGY, "doc"), variants_key(STRATEGY)), CACHE_ENTRIES, strict=True):
        assert key.startswith(pattern[:-1])
    for keeper in KEEPERS:
        assert state_key(keeper) == CACHE_STATES.replace("*", keeper)
    for pattern in (CACHE_STATES, CACHE_HEADS, *CACHE_ENTRIES):
        assert pattern.startswith(CACHE_KEYS[:-1])


async def test_a_full_object_gives_up_a_variant(lab: UsersLab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one step of filling that the suite of all stores does not reach."""
    monkeypatch.setattr(redis_store, "MAX_VARIANTS", 2)
    for version, variant in enumerate("abc", start=1):
        await store_entry(lab.store, version, variant=variant)
    assert await lab.client.zrange(variants_key(STRATEGY), 0, -1) == [b"b", b"c"]


async def test_the_gateway_invalidates_nothing(cache: Guarded) -> None:
    """That is done for events, and by who has read them."""
    store = store_of(cache, "gateway")
    with pytest.raises(CacheUnavailable, match="refused an invalidation"):
        await store.invalidate({STRATEGY: 2})
    await store.close()


async def test_the_invalidator_reads_and_fills_nothing(cache: Guarded) -> None:
    """It needs no entry's contents, and so learns none."""
    await opened(cache)
    gateway, invalidator = store_of(cache, "gateway"), store_of(cache, "invalidator")
    await store_entry(gateway, 1)
    taken = await lease(gateway, variant="other")
    assert not isinstance(await invalidator.get(STRATEGY, "doc"), Hit)
    assert await invalidator.fill(STRATEGY, "other", taken, entry(1)) is FillOutcome.REFUSED
    assert await invalidator.invalidate({STRATEGY: 2}) == Invalidated(1, 1, 1)
    await gateway.close()
    await invalidator.close()


async def test_who_checks_the_cache_looks_and_changes_nothing(cache: Guarded) -> None:
    """The metrics service sees what would be served; it gets no lease, fills nothing and invalidates nothing."""
    await opened(cache)
    gateway, metrics = store_of(cache, "gateway"), store_of(cache, "metrics")
    await store_entry(gateway, 1)
    taken = await lease(gateway, variant="other")
    looks = Looks(CacheSettings(url=cache.url("metrics"), deadline=5))
    assert await looks.shown([STRATEGY]) == {STRATEGY: 1}
    assert await metrics.get(STRATEGY, "none") == Bypass(BypassReason.REFUSED)
    assert await metrics.fill(STRATEGY, "other", taken, entry(1)) is FillOutcome.REFUSED
    with pytest.raises(CacheUnavailable, match="refused an invalidation"):
        await metrics.invalidate({STRATEGY: 2})
    assert await looks.shown([STRATEGY]) == {STRATEGY: 1}
    await looks.close()
    await gateway.close()
    await metrics.close()


async def test_who_writes_reads_no_entry(cache: Guarded) -> None:
    """A service raises floors; what is stored above them is the gateway's."""
    await opened(cache)
    gateway, strategy = store_of(cache, "gateway"), store_of(cache, "strategy")
    await store_entry(gateway, 1)
    assert await strategy.raise_({STRATEGY: 2}, "writer")
    assert await strategy.get(STRATEGY, "doc") == Bypass(BypassReason.REFUSED)
    assert isinstance(await gateway.get(STRATEGY, "doc"), Miss)
    await gateway.close()
    await strategy.close()


async def test_who_serves_the_internet_neither_raises_nor_opens(cache: Guarded) -> None:
    """A gateway that was taken over must not declare the cache open, nor may a service for another's objects."""
    gateway, strategy = store_of(cache, "gateway"), store_of(cache, "strategy")
    with pytest.raises(CacheUnavailable, match="refused to raise"):
        await gateway.raise_({STRATEGY: 2}, "writer")
    for store, keeper in ((gateway, KEEPERS[0]), (gateway, KEEPERS[1]), (strategy, KEEPERS[1])):
        with pytest.raises(CacheUnavailable, match="refused to change the state"):
            await store.begin(keeper)
    await gateway.close()
    await strategy.close()


async def test_the_gateway_hears_the_feed_and_no_other_channel(cache: Guarded) -> None:
    """It cannot speak on it either: that would make the others drop what they hold."""
    async with Redis.from_url(cache.url("gateway"), protocol=2) as client:
        feed = client.pubsub()
        await feed.subscribe(keys.FEED)
        assert (await feed.get_message(timeout=5))["channel"] == keys.FEED.encode()
        with pytest.raises(NoPermissionError):
            await client.publish(keys.FEED, "1 strategy:1")
        with pytest.raises(NoPermissionError):
            await client.execute_command("SUBSCRIBE", "another")  # type: ignore[no-untyped-call]  # redis-py's
        await feed.aclose()  # type: ignore[no-untyped-call]  # redis-py's


@pytest.mark.parametrize("user", ["gateway", "strategy", "backtest", "invalidator", "metrics"])
async def test_nobody_may_do_anything_else(cache: Guarded, user: str) -> None:
    """Neither to the server nor to keys of another name; each is really tried."""
    refused = ["FLUSHALL", "FLUSHDB", "CONFIG GET *", "KEYS *", "SCAN 0", "ACL LIST", "SHUTDOWN NOSAVE", "CLIENT LIST"]
    refused += ["MONITOR", "SCRIPT FLUSH", "DBSIZE", "CLIENT TRACKING ON", "SUBSCRIBE x", "EVAL x 0"]
    others: Keeper = "strategy" if user == "backtest" else "backtest"
    refused += [f"HSET {state_key(others)} status open", f"UNLINK {state_key('strategy')}", f"PUBLISH x {user}"]
    for name in ("x", "aurelius", "aurelius:cache:x", "aurelius.rpc.strategy", "{aurelius:cache"):
        refused += [f"HMGET {name} a", f"HGET {name} a", f"HSET {name} a b", f"UNLINK {name}", f"SET {name} v"]
        refused += [f"ZADD {name} 1 a", f"EVALSHA {scripts.GET.sha} 1 {name}", f"XADD {name} * a b"]
    refused += [f"DEL {head_key(STRATEGY)}", f"HGETALL {head_key(STRATEGY)}", f"DUMP {head_key(STRATEGY)}"]
    async with Redis.from_url(cache.url(user), protocol=2) as client:
        for command in refused:
            if (user, command) not in {("metrics", "DBSIZE"), ("invalidator", "SCAN 0")}:
                with pytest.raises(NoPermissionError):
                    await client.execute_command(*command.split())  # type: ignore[no-untyped-call]  # redis-py's

"""The users of the cache server: the whole of what every store promises, each step done by the user whose it is."""

import inspect
import re
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from shared.cache import keys, redis_store, scripts
from shared.cache.connect import connect
from shared.cache.keys import entry_key, head_key, variants_key
from shared.cache.redis_store import RedisCacheStore
from shared.cache.results import CacheUnavailable, FillOutcome, Hit, Invalidated
from shared.cache.settings import CacheSettings
from shared.cache.tests import test_store
from shared.cache.tests.labs import ServerLab
from shared.cache.tests.races import STRATEGY, entry, lease, store_entry
from shared.runtime.acl.rights import CACHE_KEYS, INVALIDATE, LOOK_UP_AND_FILL, OPERATOR
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
    store = connect(CacheSettings(url=server.url(user), deadline=5))
    assert isinstance(store, RedisCacheStore)
    return store


class UsersLab(ServerLab):
    """The gateway reads and fills, the invalidator invalidates, the operator breaks things."""

    def __init__(self, server: Guarded) -> None:
        super().__init__(server.url(OPERATOR))
        self.operators, self.store = self.store, store_of(server, "gateway")
        self.invalidators = store_of(server, "invalidator")
        self.invalidators.stats = self.store.stats
        self.store.invalidate = self.invalidators.invalidate  # type: ignore[method-assign]  # one store of two users

    async def close(self) -> None:
        """Release every connection."""
        await self.operators.close()
        await self.invalidators.close()
        await super().close()


@pytest.fixture
async def lab(unrefused_cache: Guarded) -> AsyncIterator[UsersLab]:
    """An empty cache of two users."""
    lab = UsersLab(unrefused_cache)
    yield lab
    await lab.close()


def test_the_suite_of_the_stores_is_run_here() -> None:
    """A suite that moved away would leave nothing to run."""
    assert len([name for name in globals() if name.startswith("test_") and name in vars(test_store)]) >= 13


def test_each_user_may_do_what_its_scripts_call_and_nothing_more() -> None:
    """Read from the scripts themselves; a hit needs no script, but one of their commands."""
    sending = {"evalsha", "script|load"}
    assert set(LOOK_UP_AND_FILL.commands) == sending | calls(scripts.GET) | calls(scripts.FILL)
    assert set(INVALIDATE.commands) == sending | calls(scripts.INVALIDATE)


def calls(script: scripts.Script) -> set[str]:
    """Return the commands that a script calls."""
    return {name.lower() for name in re.findall(r"redis\.p?call\('(\w+)'", script.source)}


def test_the_keys_are_those_of_the_protocol() -> None:
    """Written down twice, because neither package may know the other."""
    assert f"{keys.PREFIX}*" == CACHE_KEYS
    for key in (head_key(STRATEGY), variants_key(STRATEGY), entry_key(STRATEGY, "doc")):
        assert key.startswith(CACHE_KEYS[:-1])


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
    gateway, invalidator = store_of(cache, "gateway"), store_of(cache, "invalidator")
    await store_entry(gateway, 1)
    taken = await lease(gateway, variant="other")
    assert not isinstance(await invalidator.get(STRATEGY, "doc"), Hit)
    assert await invalidator.fill(STRATEGY, "other", taken, entry(1)) is FillOutcome.REFUSED
    assert await invalidator.invalidate({STRATEGY: 2}) == Invalidated(1, 1, 1)
    await gateway.close()
    await invalidator.close()


@pytest.mark.parametrize("user", ["gateway", "invalidator", "metrics"])
async def test_nobody_may_do_anything_else(cache: Guarded, user: str) -> None:
    """Neither to the server nor to keys of another name; each is really tried."""
    refused = ["FLUSHALL", "FLUSHDB", "CONFIG GET *", "KEYS *", "SCAN 0", "ACL LIST", "SHUTDOWN NOSAVE", "CLIENT LIST"]
    refused += ["MONITOR", "SCRIPT FLUSH", "DBSIZE", "INFO", "CLIENT TRACKING ON", "SUBSCRIBE x", "EVAL x 0"]
    for name in ("x", "aurelius", "aurelius:cache", "aurelius.rpc.strategy"):
        refused += [f"HMGET {name} a", f"HGET {name} a", f"HSET {name} a b", f"UNLINK {name}", f"SET {name} v"]
        refused += [f"ZADD {name} 1 a", f"EVALSHA {scripts.GET.sha} 1 {name}", f"XADD {name} * a b"]
    refused += [f"DEL {head_key(STRATEGY)}", f"HGETALL {head_key(STRATEGY)}", f"DUMP {head_key(STRATEGY)}"]
    async with Redis.from_url(cache.url(user), protocol=2) as client:
        for command in refused:
            if user != "metrics" or command not in ("DBSIZE", "INFO"):
                with pytest.raises(NoPermissionError):
                    await client.execute_command(*command.split())  # type: ignore[no-untyped-call]  # redis-py's

"""Forgetting objects whatever their version, on every store."""

from typing import cast

import pytest

from shared.cache.disabled import DisabledCacheStore
from shared.cache.fake import FakeCacheStore
from shared.cache.keys import InvalidObject, head_key
from shared.cache.local import LocalCache
from shared.cache.plain import EVERY_VERSION, Forgotten, OperatedStore, PlainStore
from shared.cache.results import CacheUnavailable, FillOutcome, Hit, Miss
from shared.cache.tests.labs import Lab, ServerLab
from shared.cache.tests.races import STRATEGY, entry, lease, store_entry
from tests.servers import ValkeyServer


@pytest.fixture
def store(lab: Lab) -> PlainStore:
    """Each store in turn."""
    return cast("PlainStore", lab.store)


async def test_what_is_forgotten_is_not_served_again(store: PlainStore) -> None:
    """All its variants go, others' stay, and it is counted; what is read afterwards is kept as ever."""
    for variant in ("a", "b" * 300):
        await store_entry(store, 3, variant=variant)
    await store_entry(store, 1, "strategies:1")
    assert await store.forget([STRATEGY, "user:nobody"]) == Forgotten(objects=1, entries=2)
    assert isinstance(await store.get(STRATEGY, "a"), Miss)
    assert isinstance(await store.get("strategies:1", "doc"), Hit)
    assert store.stats.snapshot()["strategy"].invalidations == 1
    await store_entry(store, 3, variant="a")
    assert await store.get(STRATEGY, "a") == Hit(entry(3))


async def test_what_was_under_way_is_refused(store: PlainStore) -> None:
    """A reader who began before offers what may be what is to be forgotten."""
    taken = await lease(store)
    await store.forget([STRATEGY])
    assert await store.fill(STRATEGY, "doc", taken, entry(3)) is FillOutcome.LINEAGE


async def test_a_floor_outlives_it(lab: Lab, store: PlainStore) -> None:
    """A writer has raised and not committed yet: a reader must not fill the old row meanwhile, nor does he later."""
    await store_entry(store, 3)
    await lab.floors.raise_({STRATEGY: 4}, "writer")
    await store.forget([STRATEGY])
    taken = await lease(store)
    assert await store.fill(STRATEGY, "doc", taken, entry(3)) is FillOutcome.FLOOR
    await lab.floors.take_back({STRATEGY: 4}, "writer")
    await store_entry(store, 3)
    assert await store.get(STRATEGY, "doc") == Hit(entry(3))


async def test_nothing_to_forget_is_nothing_to_do(store: PlainStore) -> None:
    """And what is no object is the caller's fault."""
    assert await store.forget([]) == Forgotten()
    with pytest.raises(InvalidObject):
        await store.forget(["strategy"])


async def test_nothing_stays_but_the_head(server_lab: ServerLab) -> None:
    """Neither entries nor the list of them take memory."""
    await store_entry(server_lab.store, 3)
    await server_lab.store.forget([STRATEGY])
    assert [key for key in await server_lab.client.keys() if b"#state" not in key] == [head_key(STRATEGY).encode()]


async def test_processes_are_told_that_nothing_they_hold_is_as_new(server_lab: ServerLab) -> None:
    """The feed names the object with a version above all, at which a first level drops all that it holds of it."""
    async with server_lab.client.pubsub() as heard:
        await heard.subscribe("{aurelius:cache}#feed")
        await heard.get_message(timeout=5)
        await server_lab.store.forget([STRATEGY])
        message = await heard.get_message(ignore_subscribe_messages=True, timeout=5)
    version, _, obj = message["data"].decode().partition(" ")
    local = LocalCache(1_000_000)
    local.opened()
    local.fresh_until = 10.0
    flight = local.begin(STRATEGY)
    assert local.keep(flight, "doc", entry(9), 10.0, 10.0)
    local.end(flight)
    local.raised(obj, int(version))
    assert local.get((STRATEGY, "doc"), 0, 1.0) is None


async def test_the_fake_tells_the_feed_too() -> None:
    """As the server does."""
    told: list[str] = []
    fake = FakeCacheStore()
    fake.listeners.append(told.append)
    await fake.forget([STRATEGY])
    assert told == [f"{EVERY_VERSION} {STRATEGY}"]


async def test_a_server_that_is_gone_has_forgotten_nothing(own_server: ValkeyServer) -> None:
    """Whoever wanted it forgotten is told, by the fake as well."""
    fake = FakeCacheStore()
    fake.reachable = False
    lab = ServerLab(own_server.url)
    await own_server.kill()
    for store in (fake, lab.store):
        with pytest.raises(CacheUnavailable):
            await store.forget([STRATEGY])
    await lab.close()


async def listed(store: OperatedStore, pattern: str) -> set[str]:
    """Every object that the store lists."""
    return {obj async for objects in store.listed(pattern) for obj in objects}


async def test_objects_are_listed_by_pattern(operated: OperatedStore) -> None:
    """Those that match and no entries, states or lists of variants; among thousands each is found."""
    names = {f"strategy:{n}" for n in range(2500)} | {f"strategies:{n}" for n in range(3)}
    for name in names:
        await operated.get(name, "doc")
    await store_entry(operated, 1, "strategy:1", "strategy:7")
    assert await listed(operated, "*") == names
    assert await listed(operated, "strategies:*") == {f"strategies:{n}" for n in range(3)}
    assert await listed(operated, "strategy:24?9") == {f"strategy:24{n}9" for n in range(10)}
    assert await listed(operated, "user:*") == set()


@pytest.mark.parametrize("pattern", ["", "strategy:[12]", "a b", "x" * 161, "strategy:\\*"])
async def test_a_pattern_that_means_something_else_to_the_server_is_refused(
    operated: OperatedStore, pattern: str
) -> None:
    """Rather than matching what nobody meant."""
    with pytest.raises(ValueError, match="matches no cache object"):
        await listed(operated, pattern)


async def test_a_platform_without_a_cache_has_nothing_to_forget() -> None:
    """And says so at once."""
    store = DisabledCacheStore()
    assert await store.forget([STRATEGY]) == Forgotten()
    assert await listed(store, "*") == set()
    assert await store.fill_for(STRATEGY, "doc", "", entry(1), 5) is FillOutcome.DISABLED

"""What the cache is made to forget: by an administrator, and by who checks it."""

import logging

import pytest

from services.invalidator.purges import Purges
from shared.cache.fake import FakeCacheStore
from shared.cache.plain import EVERY_VERSION
from shared.cache.results import Hit
from shared.cache.tests.races import store_entry
from shared.contracts.cache_messages import ForgetObjects, PurgeCache
from shared.contracts.errors import Forbidden, Malformed, Unavailable
from shared.contracts.values import Principal
from shared.runtime.bus.server import Call

OBJECTS = ("strategy:1", "strategy:2", "strategies:1", "user:1")


@pytest.fixture
async def store() -> FakeCacheStore:
    """Four objects, each with an entry."""
    store = FakeCacheStore()
    for obj in OBJECTS:
        await store_entry(store, 3, obj)
    return store


def by(role: str) -> Call:
    """A call of somebody's with this role."""
    return Call("1", Principal(user_id="7", role="admin" if role == "admin" else "user"), 0.0, "", "")


async def left(store: FakeCacheStore) -> list[str]:
    """The objects that are still served."""
    return [obj for obj in OBJECTS if isinstance(await store.get(obj, "doc"), Hit)]


@pytest.mark.parametrize(
    ("message", "stay"),
    [
        (PurgeCache(), []),
        (PurgeCache(type="strategy"), ["strategies:1", "user:1"]),
        (PurgeCache(type="strategy", id="2"), ["strategy:1", "strategies:1", "user:1"]),
        (PurgeCache(type="strategy", id="none"), list(OBJECTS)),
    ],
)
async def test_what_is_named_is_forgotten(
    store: FakeCacheStore, caplog: pytest.LogCaptureFixture, message: PurgeCache, stay: list[str]
) -> None:
    """And nothing else; the log says who wanted it."""
    with caplog.at_level(logging.INFO):
        await Purges(store).purge(message, by("admin"))
    assert await left(store) == stay
    assert f"7 had {'*' if message.type is None else message.type}" in caplog.text


async def test_nobody_else_may(store: FakeCacheStore) -> None:
    """Whatever the gateway has let in."""
    with pytest.raises(Forbidden):
        await Purges(store).purge(PurgeCache(), by("user"))
    assert await left(store) == list(OBJECTS)


NOBODY = Call("1", None, 0.0, "", "")


async def test_objects_are_forgotten_for_who_checks_and_the_feed_is_told(store: FakeCacheStore) -> None:
    """In nobody's name: what is lost is speed."""
    heard = list[str]()
    store.listeners.append(heard.append)
    await Purges(store).forget(ForgetObjects(objects=["strategy:2", "user:1"]), NOBODY)
    assert await left(store) == ["strategy:1", "strategies:1"]
    assert heard == [f"{EVERY_VERSION} strategy:2", f"{EVERY_VERSION} user:1"]


async def test_what_is_no_object_is_refused(store: FakeCacheStore) -> None:
    """And nothing is forgotten."""
    with pytest.raises(Malformed):
        await Purges(store).forget(ForgetObjects(objects=["strategy:2", "x"]), NOBODY)
    assert await left(store) == list(OBJECTS)


@pytest.mark.parametrize("message", [PurgeCache(), PurgeCache(type="strategy", id="1")])
async def test_what_may_not_have_been_forgotten_is_told(store: FakeCacheStore, message: PurgeCache) -> None:
    """So that it is tried again."""
    store.reachable = False
    with pytest.raises(Unavailable, match="Not all of it"):
        await Purges(store).purge(message, by("admin"))
    with pytest.raises(Unavailable, match="Not all of it"):
        await Purges(store).forget(ForgetObjects(objects=["strategy:1"]), NOBODY)

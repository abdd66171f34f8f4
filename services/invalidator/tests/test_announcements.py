"""Versions that are announced without an event."""

import pytest

from services.invalidator.announcements import Announcements
from shared.cache.fake import FakeCacheStore
from shared.cache.results import Hit
from shared.cache.tests.races import STRATEGY, store_entry
from shared.contracts.cache_messages import InvalidateObjects
from shared.contracts.errors import Malformed, Unavailable
from shared.runtime.bus.server import Call

CALL = Call(id="1", principal=None, deadline=0.0, traceparent="", idempotency_key="")


async def test_what_is_older_is_served_no_more_and_the_feed_is_told() -> None:
    """Any number of times; what is as new stays."""
    cache, heard = FakeCacheStore(), list[str]()
    cache.listeners.append(heard.append)
    await store_entry(cache, 3)
    for version in (3, 2):
        await Announcements(cache).invalidate(InvalidateObjects(versions={STRATEGY: version}), CALL)
    assert isinstance(await cache.get(STRATEGY, "doc"), Hit)
    await Announcements(cache).invalidate(InvalidateObjects(versions={STRATEGY: 4}), CALL)
    assert not isinstance(await cache.get(STRATEGY, "doc"), Hit)
    assert heard == [f"3 {STRATEGY}", f"2 {STRATEGY}", f"4 {STRATEGY}"]


@pytest.mark.parametrize("versions", [{"x": 1}, {STRATEGY: -1}])
async def test_what_cannot_be_is_refused(versions: dict[str, int]) -> None:
    """And nothing of it is done."""
    with pytest.raises(Malformed):
        await Announcements(FakeCacheStore()).invalidate(InvalidateObjects(versions=versions), CALL)


async def test_who_asks_hears_when_it_may_not_have_been_done() -> None:
    """The cache server is away."""
    cache = FakeCacheStore()
    cache.reachable = False
    with pytest.raises(Unavailable):
        await Announcements(cache).invalidate(InvalidateObjects(versions={STRATEGY: 4}), CALL)

"""The database of a service as it is wired: its writes are told to the cache, which its keeper opens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.cache.connect import connect
from shared.cache.record import Entry
from shared.cache.results import FillOutcome, Miss
from shared.cache.settings import CacheSettings
from shared.cache.store import Cache
from shared.cache.tests.opened import open_cache
from shared.contracts.objects import Keeper
from shared.runtime.database import Database
from shared.runtime.service import Service
from shared.runtime.settings import Settings, WriterSettings
from shared.runtime.tests.announcing import unpublished, write
from shared.runtime.tests.eventually import eventually, never
from shared.told_database import told_database
from tests.databases import service_url

pytestmark = pytest.mark.integration

STRATEGY = "strategy:s1"


@pytest.fixture
async def cache(cache_url: str) -> AsyncIterator[Cache]:
    """A reader's view of the cache, which nobody has opened."""
    store = connect(CacheSettings(url=cache_url, deadline=5))
    yield store
    await store.close()


@pytest.fixture
def settings(database_url: str, cache_url: str) -> WriterSettings:
    """Where both servers are."""
    return WriterSettings(database_url=service_url(database_url, "strategy"), redis_url=cache_url)


@asynccontextmanager
async def running(settings: WriterSettings, bus_url: str, keeper: Keeper | None) -> AsyncIterator[Database]:
    """The database of a process that runs."""
    service = Service("strategy", Settings(bus_url=bus_url))
    database = told_database(service, settings, keeper=keeper)
    async with service.running():
        yield database


async def refused(cache: Cache) -> FillOutcome:
    """Offer what was read before a write that comes now."""
    found = await cache.get(STRATEGY, "doc")
    assert isinstance(found, Miss)
    return await cache.fill(STRATEGY, "doc", found.lease, Entry(version=0, etag='"0"', owner="me", body=b"{}"))


async def test_a_keeper_opens_publishes_and_tells(settings: WriterSettings, bus_url: str, cache: Cache) -> None:
    """All that a service owes the cache of its objects."""

    async def opened() -> bool:
        return await cache.is_open("strategy")

    async def published() -> bool:
        return await unpublished(database) == 0

    async with running(settings, bus_url, "strategy") as database:
        await eventually(opened, 20)
        await write(database)
        assert await refused(cache) is FillOutcome.FLOOR
        await eventually(published, 20)


async def test_another_process_tells_and_leaves_the_rest_to_it(
    settings: WriterSettings, bus_url: str, cache: Cache
) -> None:
    """A worker would only be in the keeper's way."""

    async def does_more() -> bool:
        return await cache.is_open("strategy") or await unpublished(database) == 0

    async with running(settings, bus_url, None) as database:
        await write(database)
        await never(does_more, 0.5)
        await open_cache(cache)
        await write(database)
        assert await refused(cache) is FillOutcome.FLOOR


async def test_nothing_stays_connected_to_the_cache(
    settings: WriterSettings, bus_url: str, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the process ends."""
    closed: list[str] = []
    close = type(cache).close

    async def noted(store: Cache) -> None:
        closed.append("closed")
        await close(store)

    monkeypatch.setattr(type(cache), "close", noted)
    async with running(settings, bus_url, None):
        assert closed == []
    assert closed == ["closed"]


async def test_where_there_is_no_cache_there_is_none_to_open(
    database_url: str, bus_url: str, cache: Cache, cache_url: str
) -> None:
    """REDIS_ENABLED=false: writes go on."""
    off = WriterSettings(database_url=service_url(database_url, "strategy"), redis_url=cache_url, redis_enabled=False)

    async def opened() -> bool:
        return await cache.is_open("strategy")

    async with running(off, bus_url, "strategy") as database:
        await write(database)
        await never(opened, 0.5)

"""Servers and stores for the cache's tests."""

from collections.abc import AsyncIterator, Iterator

import pytest

from shared.cache.listing import OperatedCacheStore
from shared.cache.plain import OperatedStore
from shared.cache.settings import CacheSettings
from shared.cache.tests.cluster_node import cluster_node
from shared.cache.tests.labs import FakeLab, Lab, ServerLab
from tests.servers import ValkeyServer, valkey_server


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """One cluster for all tests."""
    with cluster_node() as url:
        yield url


@pytest.fixture
async def own_server() -> AsyncIterator[ValkeyServer]:
    """A server for one test to kill, to freeze or to fill."""
    async with valkey_server(kind="cache") as server:
        yield server


@pytest.fixture
async def server_lab(cache_server: ValkeyServer) -> AsyncIterator[ServerLab]:
    """An empty cache on the real server."""
    lab = ServerLab(cache_server.url)
    await lab.wipe()
    yield lab
    await lab.close()


@pytest.fixture
async def cluster_lab(cluster_url: str) -> AsyncIterator[ServerLab]:
    """An empty cache on a node of a cluster."""
    lab = ServerLab(cluster_url)
    await lab.wipe()
    yield lab
    await lab.close()


@pytest.fixture
async def fake_lab() -> FakeLab:
    """An empty cache in memory."""
    return FakeLab()


@pytest.fixture(params=["fake_lab", "server_lab", "cluster_lab"])
def lab(request: pytest.FixtureRequest) -> Lab:
    """Each store in turn, empty."""
    lab: Lab = request.getfixturevalue(request.param)
    return lab


@pytest.fixture(params=["fake_lab", "server_lab"])
def any_lab(request: pytest.FixtureRequest) -> FakeLab | ServerLab:
    """The fake and one server, empty."""
    lab: FakeLab | ServerLab = request.getfixturevalue(request.param)
    return lab


@pytest.fixture
async def operated(any_lab: FakeLab | ServerLab) -> AsyncIterator[OperatedStore]:
    """A store that can list its objects, in memory or on a server."""
    store: OperatedStore
    if isinstance(any_lab, FakeLab):
        store = any_lab.store
    else:
        store = OperatedCacheStore(CacheSettings(url=any_lab.url, deadline=5))
    yield store
    await store.close()

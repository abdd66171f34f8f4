"""What several tests of the runtime need."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from shared.runtime.bus.connection import make_client
from shared.runtime.database import Database
from tests.databases import connected
from tests.servers import ValkeyServer, valkey_server


@pytest.fixture
async def redis(bus_url: str) -> AsyncIterator[Redis]:
    """A client of the test's own, to look at the bus from outside."""
    async with Redis.from_url(bus_url, protocol=2) as client:
        yield client


@pytest.fixture
async def own_bus() -> AsyncIterator[ValkeyServer]:
    """A bus for one test to kill or to fill."""
    async with valkey_server(kind="bus") as server:
        yield server


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The strategy service's schema, connected."""
    async with connected(database_url, "strategy") as database:
        yield database


@pytest.fixture
async def bus(bus_url: str) -> AsyncIterator[Redis]:
    """The client that a service writes with."""
    client = make_client(bus_url)
    yield client
    await client.aclose()

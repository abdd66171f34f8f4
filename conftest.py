"""Fixtures of the integration tests: one embedded Postgres, bus and cache a session; a clean one of each a test."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from shared.runtime.migrations.runner import migrate_in
from tests.databases import ReadyDatabases, database_of, execute, service_url
from tests.servers import ValkeyServer, postgres_server, valkey_server

pytest_plugins = ["tests.side_by_side"]

TEMPLATE = "aurelius_template"
SERVICES = ("strategy", "backtest")


@pytest_asyncio.fixture(scope="session")
async def postgres_url() -> AsyncIterator[str]:
    """The owner's URL of a Postgres server of this session's own, with a migrated template database."""
    async with postgres_server() as url:
        await execute(url, f"CREATE DATABASE {TEMPLATE}")
        template = database_of(url, TEMPLATE)
        for service in SERVICES:
            await migrate_in(template, f"services.{service}", service_url(template, service))
        yield url


@pytest_asyncio.fixture(scope="session")
async def ready_databases(postgres_url: str) -> AsyncIterator[ReadyDatabases]:
    """Copies of the template, made ahead."""
    databases = ReadyDatabases(postgres_url, TEMPLATE)
    keeping = asyncio.create_task(databases.run())
    yield databases
    keeping.cancel()
    await asyncio.wait([keeping])


@pytest_asyncio.fixture
async def owner_url(ready_databases: ReadyDatabases) -> AsyncIterator[str]:
    """A fresh migrated database, for its owner."""
    async with ready_databases.lend() as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def untouched_url(ready_databases: ReadyDatabases) -> AsyncIterator[str]:
    """A migrated database, for its owner, which all share whose promise is that they change nothing in it."""
    async with ready_databases.lend() as url:
        yield url


@pytest.fixture
def database_url(owner_url: str) -> str:
    """The same database, for whoever needs no role of a service; the services' own tests log in as their service."""
    return owner_url


@pytest_asyncio.fixture(scope="session")
async def bus_server() -> AsyncIterator[ValkeyServer]:
    """A bus server of this session's own."""
    async with valkey_server(kind="bus") as server:
        yield server


@pytest_asyncio.fixture
async def bus_url(bus_server: ValkeyServer) -> str:
    """An empty bus."""
    return await _emptied(bus_server.url)


@pytest_asyncio.fixture(scope="session")
async def cache_server() -> AsyncIterator[ValkeyServer]:
    """A cache server of this session's own."""
    async with valkey_server(kind="cache") as server:
        yield server


@pytest_asyncio.fixture
async def cache_url(cache_server: ValkeyServer) -> str:
    """An empty cache."""
    return await _emptied(cache_server.url)


async def _emptied(url: str) -> str:
    async with Redis.from_url(url, protocol=2) as client:
        await client.flushall()
    return url

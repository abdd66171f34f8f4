"""Fixtures of the integration tests: one embedded Postgres, bus and cache a session; a clean one of each a test."""

from collections.abc import AsyncIterator

import pytest_asyncio
from redis.asyncio import Redis

from shared.runtime.migrations.runner import migrate_in
from tests.databases import database_of, execute, fresh_database
from tests.servers import ValkeyServer, postgres_server, valkey_server

TEMPLATE = "aurelius_template"
PACKAGES = ("services.strategy", "services.backtest")


@pytest_asyncio.fixture(scope="session")
async def postgres_url() -> AsyncIterator[str]:
    """A Postgres server of this session's own, with a migrated template database."""
    async with postgres_server() as url:
        await execute(url, f"CREATE DATABASE {TEMPLATE}")
        for package in PACKAGES:
            await migrate_in(database_of(url, TEMPLATE), package)
        yield url


@pytest_asyncio.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """A fresh migrated database."""
    async with fresh_database(postgres_url, TEMPLATE) as url:
        yield url


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

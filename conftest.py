"""Fixtures of the integration tests: one embedded Postgres, bus and cache a session; a clean one of each a test."""

import uuid
from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio
from redis.asyncio import Redis

from shared.runtime.migrations.runner import migrate_in
from tests.servers import ValkeyServer, postgres_server, valkey_server

TEMPLATE = "aurelius_template"
PACKAGES = ("services.strategy", "services.backtest")


@pytest_asyncio.fixture(scope="session")
async def postgres_url() -> AsyncIterator[str]:
    """A Postgres server of this session's own, with a migrated template database."""
    async with postgres_server() as url:
        await _execute(url, f"CREATE DATABASE {TEMPLATE}")
        for package in PACKAGES:
            await migrate_in(_database(url, TEMPLATE), package)
        yield url


@pytest_asyncio.fixture
async def database_url(postgres_url: str) -> AsyncIterator[str]:
    """A fresh migrated database."""
    name = f"test_{uuid.uuid4().hex}"
    await _execute(postgres_url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield _database(postgres_url, name)
    await _execute(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


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


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _database(url: str, name: str) -> str:
    base, _, query = url.partition("?")
    server, _, _ = base.rpartition("/")
    return f"{server}/{name}" + (f"?{query}" if query else "")

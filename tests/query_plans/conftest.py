"""Databases with rows in them, one of each kind a session."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest_asyncio

from bench.query_plans.measuring import SERVICES
from bench.query_plans.rows import load
from shared.runtime.migrations.runner import migrate_in
from tests.databases import fresh_database

RUNS = 20_000
MANY_RUNS = 1_000_000
ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def loaded(server_url: str, runs: int, *, analyze: bool) -> AsyncIterator[str]:
    """Lend the owner's URL of a migrated database with so many runs, and a tenth as many strategies."""
    async with fresh_database(server_url) as url:
        for service in SERVICES:
            await migrate_in(url, f"services.{service}")
        connection = await asyncpg.connect(url)
        try:
            await load(connection, 1, runs, analyze=analyze)
        finally:
            await connection.close()
        yield url


@pytest_asyncio.fixture(scope="session")
async def loaded_url(postgres_url: str) -> AsyncIterator[str]:
    """20,000 runs, with statistics."""
    async with loaded(postgres_url, RUNS, analyze=True) as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def unknown_url(postgres_url: str) -> AsyncIterator[str]:
    """20,000 runs that the planner knows nothing of."""
    async with loaded(postgres_url, RUNS, analyze=False) as url:
        yield url


@pytest_asyncio.fixture(scope="session")
async def crowded_url(postgres_url: str) -> AsyncIterator[str]:
    """1,000,000 runs that the planner knows nothing of, yet."""
    async with loaded(postgres_url, MANY_RUNS, analyze=False) as url:
        yield url

"""A migrated database, for its owner and for a service."""

from collections.abc import AsyncIterator

import pytest

from shared.runtime.care.session import Connection, care_session
from shared.runtime.database import Database
from tests.databases import connected, service_url


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[Connection]:
    """A connection of the tables' owner."""
    async with care_session(owner_url, "owner") as connection:
        yield connection


@pytest.fixture
async def plain(owner_url: str) -> AsyncIterator[Connection]:
    """A connection of the strategy service's own role."""
    async with care_session(service_url(owner_url, "strategy"), "plain") as connection:
        await connection.execute("SET search_path = strategy")
        yield connection


@pytest.fixture
async def database(owner_url: str) -> AsyncIterator[Database]:
    """The strategy service's schema, as the service has it."""
    async with connected(owner_url, "strategy") as database:
        yield database

"""One running system for the tests that do not break it for good."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.e2e.platform import Platform, platform


@pytest_asyncio.fixture(scope="session")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """The whole system."""
    async with platform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest_asyncio.fixture
async def client(system: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with system.client() as lent:
        yield lent

"""One running system for the tests that do not break it for good, and real bars for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from deploy.demo.bars import write_demo_bars
from tests.e2e.platform import Platform, platform
from tests.e2e.talkative import Told, tell_all


@pytest_asyncio.fixture(scope="package")
async def system(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """The whole system."""
    async with platform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest_asyncio.fixture
async def client(system: Platform) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    async with system.client() as lent:
        yield lent


@pytest.fixture(scope="session")
def aapl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Daily bars of AAPL, 2000-2013, as a CSV file."""
    return write_demo_bars(tmp_path_factory.mktemp("bars"))["AAPL"]


@pytest_asyncio.fixture(scope="session")
async def told(tmp_path_factory: pytest.TempPathFactory, aapl: Path) -> Told:
    """All that a system has written and sent, by its end."""
    return await tell_all(tmp_path_factory.mktemp("talkative"), aapl)

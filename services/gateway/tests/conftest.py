"""A gateway around services and an empty cache, both in memory; a module says what its services answer."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.gateway.tests.fakes import FakeServices, client_of
from shared.cache.fake import FakeCacheStore


@pytest.fixture
def services() -> FakeServices:
    """Nobody answers anything yet."""
    return FakeServices()


@pytest.fixture
def cache() -> FakeCacheStore:
    return FakeCacheStore()


@pytest.fixture
async def client(services: FakeServices, cache: FakeCacheStore, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(services, cache, tmp_path) as lent:
        yield lent

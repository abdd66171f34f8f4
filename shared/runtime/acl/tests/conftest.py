"""A bus and a cache server with the users of the table; one of each a session, an empty one for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.runtime.acl.tests.guarded import BINARIES, Guarded, guarded


@pytest.fixture(scope="session", params=BINARIES, ids=lambda path: Path(path).name)
def binary(request: pytest.FixtureRequest) -> str:
    """Each server program in turn."""
    path: str = request.param
    return path


@pytest.fixture(scope="session")
def bus_of_users(binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One bus for all tests."""
    with guarded("bus", tmp_path_factory.mktemp("bus"), binary) as server:
        yield server


@pytest.fixture(scope="session")
def cache_of_users(binary: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One cache server for all tests."""
    with guarded("cache", tmp_path_factory.mktemp("cache"), binary) as server:
        yield server


@pytest.fixture
def bus(bus_of_users: Guarded) -> Guarded:
    """An empty bus."""
    bus_of_users.forget()
    return bus_of_users


@pytest.fixture
def cache(cache_of_users: Guarded) -> Guarded:
    """An empty cache server."""
    cache_of_users.forget()
    return cache_of_users


@pytest.fixture
def unrefused_bus(bus: Guarded) -> Iterator[Guarded]:
    """An empty bus that has nobody to refuse anything: a right that is missing is seen even where it is passed over."""
    yield bus
    assert bus.refusals() == []


@pytest.fixture
def unrefused_cache(cache: Guarded) -> Iterator[Guarded]:
    """The same for the cache server."""
    yield cache
    assert cache.refusals() == []

"""What the metrics service finds out itself, and what it says when nobody answers."""

import platform

import pytest
from redis.asyncio import Redis

from services.metrics.cache_figures import CacheProbe
from services.metrics.core.document import CacheServer
from services.metrics.core.process_names import BUILD_INFO
from services.metrics.core.server_names import (
    CACHE_KEYS,
    REDIS_CLIENTS,
    REDIS_HITS,
    REDIS_MEMORY,
    REDIS_UP,
    STREAM_LENGTH,
)
from services.metrics.figures import Figures
from shared.cache.settings import CacheSettings
from shared.runtime.bus.connection import make_client
from shared.runtime.release import release
from shared.runtime.tests.test_closed_transport import Closed

NOBODY = "redis://127.0.0.1:1/0"


@pytest.mark.integration
async def test_a_cache_server_tells_its_memory_and_keys(cache_url: str) -> None:
    """Of the database the cache is in."""
    async with Redis.from_url(cache_url, protocol=2) as client:
        await client.mset({"a": "1", "b": "2"})
    probe = CacheProbe(CacheSettings(url=cache_url))
    found = await probe.read()
    await probe.close()
    assert (found.enabled, found.connected, found.keys) == (True, True, 2)
    assert found.memory_bytes is not None
    assert found.memory_bytes > 100_000


async def test_a_cache_server_that_is_away_is_no_error() -> None:
    """Nothing is known of it."""
    probe = CacheProbe(CacheSettings(url=NOBODY))
    assert await probe.read() == CacheServer(enabled=True)
    await probe.close()


async def test_a_cache_that_is_off_is_not_asked() -> None:
    """Whatever its address is."""
    probe = CacheProbe(CacheSettings(url="", enabled=False))
    assert await probe.read() == CacheServer(enabled=False)
    await probe.close()


@pytest.mark.integration
async def test_figures_become_series(bus_url: str, cache_url: str) -> None:
    """Everything that has a metric."""
    probe = CacheProbe(CacheSettings(url=cache_url))
    async with make_client(bus_url) as bus:
        figures = Figures(bus, probe)
        await figures.read()
    await probe.close()
    series = figures.series()
    assert series[REDIS_UP.name] == {("bus",): [1], ("cache",): [1]}
    assert series[CACHE_KEYS.name] == {(): [0]}
    for metric in (REDIS_MEMORY, REDIS_CLIENTS):
        assert min(series[metric.name]["bus",] + series[metric.name]["cache",]) > 0
    assert series[REDIS_HITS.name].keys() == {("bus",), ("cache",)}
    assert series[BUILD_INFO.name] == {(release(), platform.python_version()): [1]}
    assert STREAM_LENGTH.name in series
    assert 0 <= figures.machine.cpu_percent <= 100
    assert 0 < figures.machine.memory_percent < 100


async def test_what_does_not_answer_has_no_figures() -> None:
    """Old ones would be lies."""
    probe = CacheProbe(CacheSettings(url=NOBODY))
    async with make_client(NOBODY) as bus:
        figures = Figures(bus, probe)
        await figures.read()
    await probe.close()
    assert set(figures.series()) == {BUILD_INFO.name, REDIS_UP.name}
    assert figures.series()[REDIS_UP.name] == {("bus",): [0], ("cache",): [0]}


async def test_a_cache_that_is_off_has_no_series() -> None:
    """Nor does it look disconnected."""
    probe = CacheProbe(CacheSettings(url="", enabled=False))
    async with make_client(NOBODY) as bus:
        assert Figures(bus, probe).series()[REDIS_UP.name].keys() == {("bus",)}


@pytest.mark.integration
async def test_a_connection_cut_meanwhile_is_a_cache_server_that_is_away(cache_url: str) -> None:
    """For this time: the work in the background goes on, and has a connection again the next."""
    probe = CacheProbe(CacheSettings(url=cache_url))
    assert (await probe.read()).connected
    assert probe._client is not None
    (connection,) = probe._client.connection_pool._available_connections
    connection._writer = Closed()  # type: ignore[assignment]  # a stand-in
    assert not (await probe.read()).connected
    assert (await probe.read()).connected
    await probe.close()

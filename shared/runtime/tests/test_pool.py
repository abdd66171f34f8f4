"""Connections that are broken without a word."""

import asyncio

import pytest
from redis.exceptions import RedisError

from shared.runtime.bus import connection
from shared.runtime.bus.connection import make_client
from shared.runtime.tests.way import way_to

pytestmark = pytest.mark.integration


async def test_one_broken_connection_tells_of_the_others(bus_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that there are have fallen silent: who comes first waits in vain, all who come next are answered."""
    monkeypatch.setattr(connection, "SOCKET_TIMEOUT", 0.2)
    async with way_to(bus_url) as way, make_client(way.url) as client:
        await asyncio.gather(*(client.ping() for _ in range(8)))
        way.fall_silent()
        with pytest.raises(RedisError):
            await client.ping()
        assert all(await asyncio.gather(*(client.ping() for _ in range(8))))


async def test_connections_that_are_well_are_kept(bus_url: str) -> None:
    """One after the other uses the same."""
    async with make_client(bus_url) as client:
        assert len({await client.client_id() for _ in range(5)}) == 1

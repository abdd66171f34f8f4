"""A connection that was closed since it was last used, on the event loop that the processes run on."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.runtime.bus.connection import make_broker, make_client

pytestmark = pytest.mark.integration


async def _client(url: str) -> Redis:
    return make_client(url)


async def _reader(url: str) -> Redis:
    return await make_broker(url).connect()


@pytest.mark.parametrize("connect", [_client, _reader])
async def test_it_fails_as_a_lost_connection(bus_url: str, connect: Callable[[str], Awaitable[Redis]]) -> None:
    """Whoever rides out a bus that is away rides this out, and the next command has a new connection."""

    async def use() -> None:
        client = await connect(bus_url)
        await client.ping()
        (connection,) = client.connection_pool._available_connections
        assert connection._writer is not None
        connection._writer.transport.abort()
        with pytest.raises(RedisConnectionError):
            await client.ping()
        assert await client.ping()
        await client.aclose()

    await asyncio.to_thread(uvloop.run, use())

"""A connection whose transport was closed under it."""

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from shared.runtime.bus.connection import make_broker, make_client

pytestmark = pytest.mark.integration


class Closed:
    """A stream writer as uvloop leaves one behind when the other end has cut the connection."""

    def writelines(self, _: object) -> None:
        """Refuse, as uvloop's transport does."""
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    def close(self) -> None:
        """Do nothing: it is closed."""

    async def wait_closed(self) -> None:
        """Return at once."""


@pytest.mark.parametrize("kind", ["writer", "reader"])
async def test_it_is_a_lost_connection(bus_url: str, kind: str) -> None:
    """Told by the error that whatever runs in the background rides out; the next command has a connection again."""
    broker = make_broker(bus_url)
    client: Redis = make_client(bus_url) if kind == "writer" else await broker.connect()
    assert await client.ping()
    (connection,) = client.connection_pool._available_connections
    connection._writer = Closed()  # type: ignore[assignment]  # a stand-in
    with pytest.raises(RedisConnectionError, match="was closed"):
        await client.execute_command("PING")  # type: ignore[no-untyped-call]  # as it is sent
    assert await client.ping()
    await broker.stop()
    await client.aclose()

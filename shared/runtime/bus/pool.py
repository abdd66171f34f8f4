"""A pool whose connections tell that they are lost, and whose idle ones are not trusted once one was found broken.

A connection whose other end is gone without a word is found out by a time-out. With a dozen of them waiting, whoever
comes next would take the next one, and wait out the same time again.
"""

from typing import Any

from redis.asyncio import BlockingConnectionPool, Connection, ConnectionPool
from redis.asyncio.connection import AbstractConnection

from shared.runtime.bus.closed_transport import telling

# Whoever finds none free is told, rather than queued into the caller's deadline.
ACQUIRE_SECONDS = 1.5


class Pool(BlockingConnectionPool):
    """Closes what waits when a connection comes back closed; new ones are made as they are needed."""

    def __init__(self, max_connections: int, **options: Any) -> None:  # noqa: ANN401  # those of BlockingConnectionPool
        kind = options.pop("connection_class", Connection)
        super().__init__(max_connections, ACQUIRE_SECONDS, telling(kind), **options)

    @classmethod
    def like(cls, pool: ConnectionPool) -> "Pool":
        """Return one that makes the same connections."""
        return cls(pool.max_connections, connection_class=pool.connection_class, **pool.connection_kwargs)

    async def release(self, connection: AbstractConnection) -> None:
        """Take a connection back."""
        broken = not connection.is_connected
        await super().release(connection)
        if broken:
            await self.distrust()

    async def distrust(self) -> None:
        """Close what waits: one was found broken."""
        # Taken out first: one that is closed where it waits could be lent at the same moment.
        idle, self._available_connections = self._available_connections, []
        for each in idle:
            await each.disconnect(nowait=True)

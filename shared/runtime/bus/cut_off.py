"""A connection that was closed since it was last used fails as a lost connection.

uvloop has a RuntimeError of its own for that, which redis-py passes on, and which nobody who waits for a bus that is
away would think of.
"""

from typing import Any

from redis.asyncio import Connection as TcpConnection
from redis.asyncio import ConnectionPool, SSLConnection
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError


class _Tells(AbstractConnection):
    async def send_packed_command(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  # as in the base class
        try:
            await super().send_packed_command(*args, **options)
        except RuntimeError as error:
            raise RedisConnectionError("the connection was closed") from error


class _Tcp(_Tells, TcpConnection):
    pass


class _Tls(_Tells, SSLConnection):
    pass


_TELLING: dict[type[AbstractConnection], type[AbstractConnection]] = {TcpConnection: _Tcp, SSLConnection: _Tls}


def tell_closed(pool: ConnectionPool) -> None:
    """Have the connections that a pool will make fail in this way."""
    pool.connection_class = _TELLING.get(pool.connection_class, pool.connection_class)

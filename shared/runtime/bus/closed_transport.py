"""A connection that was cut is a lost connection, by the one error that everybody waits for.

uvloop raises a RuntimeError when something is written to a transport that has been closed meanwhile. redis-py hands it
on, and what runs in the background and rides out a lost bus would end of it, and the process with it.
"""

from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError


class _Telling:
    """Put before a class of connections: writes as it does, and tells a closed transport as a lost connection."""

    async def send_packed_command(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  # as in the class behind it
        try:
            await super().send_packed_command(*args, **options)  # type: ignore[misc]  # that of the class behind it
        except RuntimeError as error:
            raise RedisConnectionError(f"The connection was closed: {error}") from error


def telling(kind: type[AbstractConnection]) -> type[AbstractConnection]:
    """Return a class of the same connections that raise redis-py's ConnectionError for it."""
    return type(kind.__name__, (_Telling, kind), {})

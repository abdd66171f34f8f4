"""What the cache server says of itself."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from redis.exceptions import RedisError

from services.metrics.core.document import CacheServer
from shared.cache.connect import make_client
from shared.cache.settings import CacheSettings

ANSWER_SECONDS: Final = 1.0


class CacheProbe:
    """Asks the cache server, or says that there is none when the cache is off.

    `said` is its last answer to INFO, or None when it did not answer.
    """

    def __init__(self, settings: CacheSettings) -> None:
        self.enabled = settings.enabled
        self.said: Mapping[str, object] | None = None
        self._client = make_client(replace(settings, deadline=ANSWER_SECONDS)) if settings.enabled else None

    async def read(self) -> CacheServer:
        """Return memory and number of keys, within ANSWER_SECONDS; never raises for a server that is away."""
        if self._client is None:
            return CacheServer(enabled=False)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                said: dict[str, int] = await self._client.info()
                keys = await self._client.dbsize()
        # uvloop has a RuntimeError for a connection that has been closed since it was last used.
        except (RedisError, OSError, TimeoutError, RuntimeError):
            self.said = None
            return CacheServer(enabled=True)
        self.said = said
        return CacheServer(
            enabled=True,
            connected=True,
            memory_bytes=int(said["used_memory"]),
            keys=int(keys),
        )

    async def close(self) -> None:
        """Release the connection."""
        if self._client is not None:
            await self._client.aclose()

"""The only place that lists keys: for operators, never on the way of a request or of an invalidation."""

from collections.abc import AsyncIterator
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.cache.connect import make_client
from shared.cache.disabled import DisabledCacheStore
from shared.cache.keys import PREFIX
from shared.cache.plain import OperatedStore, checked_pattern
from shared.cache.redis_store import RedisCacheStore
from shared.cache.results import CacheUnavailable
from shared.cache.settings import CacheSettings

KEYS_AT_ONCE: Final = 1000
"""So many keys the server looks at before it turns to somebody else: about a tenth of a millisecond."""

_HEADS: Final = f"{PREFIX}:"


class OperatedCacheStore(RedisCacheStore):
    """A store on one server that can tell which objects it has heads of. `close` it as well."""

    def __init__(self, settings: CacheSettings) -> None:
        super().__init__(settings)
        self._client: Redis = make_client(settings)

    async def listed(self, pattern: str) -> AsyncIterator[list[str]]:
        """Yield the objects whose names match. Raises CacheUnavailable, ValueError for a pattern that cannot be."""
        match, cursor = _HEADS + checked_pattern(pattern), 0
        while True:
            try:
                answer = await self._client.scan(cursor, match=match, count=KEYS_AT_ONCE)
            except (RedisError, OSError, TimeoutError, RuntimeError) as error:  # RuntimeError: uvloop's, when closed
                raise CacheUnavailable(f"the cache server does not list its keys: {error}") from error
            cursor, keys = cast("tuple[int, list[bytes]]", answer)
            yield [key.decode().removeprefix(_HEADS) for key in keys]
            if not cursor:
                return

    async def close(self) -> None:
        """End all connections."""
        await super().close()
        await self._client.aclose()


def connect_operated(settings: CacheSettings) -> OperatedStore:
    """Return a store on `settings.url` that can list its objects, or one that has none when the cache is off."""
    return OperatedCacheStore(settings) if settings.enabled else DisabledCacheStore()

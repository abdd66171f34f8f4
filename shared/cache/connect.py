"""Makes the store that the settings ask for; nothing is sent until it is first used."""

from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from shared.cache.connection import make_pool
from shared.cache.disabled import DisabledCacheStore
from shared.cache.redis_store import RedisCacheStore
from shared.cache.settings import CacheSettings
from shared.cache.store import Cache, CacheStore
from shared.contracts.errors import Unavailable


def connect(settings: CacheSettings) -> Cache:
    """Return a store on `settings.url`, or one that bypasses when the cache is off."""
    return RedisCacheStore(settings) if settings.enabled else DisabledCacheStore()


def make_client(settings: CacheSettings) -> Redis:
    """Return a client for those who look at the server rather than the cache; it never retries."""
    return Redis.from_pool(make_pool(settings))


def answers(cache: CacheStore) -> Callable[[], Awaitable[None]]:
    """Return a check for readiness: passes when the cache server answers, else raises Unavailable."""

    async def check() -> None:
        if not await cache.ping():
            raise Unavailable("the cache server does not answer")

    return check

"""Makes the store that the settings ask for; nothing is sent until it is first used."""

from collections.abc import Awaitable, Callable

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from shared.cache.disabled import DisabledCacheStore
from shared.cache.redis_store import RedisCacheStore
from shared.cache.settings import CacheSettings
from shared.cache.store import CacheStore
from shared.contracts.errors import Unavailable

MAX_CONNECTIONS = 64


def connect(settings: CacheSettings) -> CacheStore:
    """Return a store on `settings.url`, or one that bypasses when the cache is off."""
    return RedisCacheStore(make_client(settings), settings) if settings.enabled else DisabledCacheStore()


def make_client(settings: CacheSettings) -> Redis:
    """Return a client that never retries and sets no time-outs: the store bounds each exchange as a whole.

    It waits for a free connection where the plain pool would raise, which would look like a lost server. RESP2 with
    maintenance notifications off: with them redis-py 8.1 hands out connections that the server has closed.
    """
    pool = BlockingConnectionPool.from_url(
        settings.url,
        max_connections=MAX_CONNECTIONS,
        timeout=None,
        protocol=2,
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        retry=Retry(NoBackoff(), 0),
        socket_timeout=None,
        socket_connect_timeout=settings.deadline,
    )
    return Redis.from_pool(pool)


def answers(cache: CacheStore) -> Callable[[], Awaitable[None]]:
    """Return a check for readiness: passes when the cache server answers, else raises Unavailable."""

    async def check() -> None:
        if not await cache.ping():
            raise Unavailable("the cache server does not answer")

    return check

"""The cache beside the database: bytes that are kept for a time, and deleted by who makes them old."""

from typing import Protocol, cast

from redis.asyncio import Redis


class Cache(Protocol):
    """What the application needs of it. A `page` is one of several answers that are deleted together."""

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under a key."""

    async def put(self, key: str, value: bytes, ttl: int) -> None:
        """Keep a value for `ttl` seconds."""

    async def get_page(self, key: str, page: str) -> bytes | None:
        """Return one page of those under a key."""

    async def put_page(self, key: str, page: str, value: bytes, ttl: int) -> None:
        """Keep one page; all of a key are kept for `ttl` seconds from the newest."""

    async def delete(self, *keys: str) -> None:
        """Forget what is under these keys, pages as well."""


class RedisCache:
    """On a Redis server. Pages are fields of one hash, so that a write needs no SCAN to find them."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under a key."""
        return cast("bytes | None", await self._client.get(key))

    async def put(self, key: str, value: bytes, ttl: int) -> None:
        """Keep a value for `ttl` seconds."""
        await self._client.set(key, value, ex=ttl)

    async def get_page(self, key: str, page: str) -> bytes | None:
        """Return one page of those under a key."""
        return cast("bytes | None", await self._client.hget(key, page))

    async def put_page(self, key: str, page: str, value: bytes, ttl: int) -> None:
        """Keep one page."""
        async with self._client.pipeline(transaction=False) as pipeline:
            pipeline.hset(key, page, value)
            pipeline.expire(key, ttl)
            await pipeline.execute()

    async def delete(self, *keys: str) -> None:
        """Forget what is under these keys."""
        await self._client.delete(*keys)


class NoCache:
    """Keeps nothing."""

    async def get(self, key: str) -> bytes | None:
        """Return nothing."""
        return None

    async def put(self, key: str, value: bytes, ttl: int) -> None:
        """Keep nothing."""

    async def get_page(self, key: str, page: str) -> bytes | None:
        """Return nothing."""
        return None

    async def put_page(self, key: str, page: str, value: bytes, ttl: int) -> None:
        """Keep nothing."""

    async def delete(self, *keys: str) -> None:
        """Forget nothing."""

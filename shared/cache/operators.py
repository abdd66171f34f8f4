"""What only operators may do with the cache: forget by pattern. It lists keys, which no request or invalidation may."""

from typing import Final

from shared.cache.api import PlainCache
from shared.cache.plain import Forgotten, OperatedStore

EVERYTHING: Final = "*"


class OperatedCache(PlainCache):
    """The plain API, on a store that can list its objects."""

    def __init__(self, store: OperatedStore) -> None:
        super().__init__(store)
        self._operated = store

    async def delete_pattern(self, pattern: str) -> Forgotten:
        """Forget every object whose name matches, such as `strategies:*`; `*` is any text, `?` a letter.

        What is stored while it runs may stay. Reads stay exact: they miss. Raises CacheUnavailable when some may not
        have been forgotten, ValueError for a pattern that matches no object.
        """
        forgotten = Forgotten()
        async for objects in self._operated.listed(pattern):
            forgotten += await self._operated.forget(objects)
        return forgotten

    async def clear_all(self) -> Forgotten:
        """Forget every object, of all types. Raises CacheUnavailable."""
        return await self.delete_pattern(EVERYTHING)

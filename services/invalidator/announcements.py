"""Versions that are announced without an event, by who found that the caches have missed them."""

import logging

from shared.cache.keys import object_type
from shared.cache.record import check_version
from shared.cache.results import CacheUnavailable
from shared.cache.store import CacheStore
from shared.contracts.cache_messages import InvalidateObjects
from shared.contracts.errors import Malformed, Unavailable
from shared.runtime.bus.server import Answer, Call

log = logging.getLogger(__name__)


class Announcements:
    """On one cache. Versions only grow, so that nothing but speed is lost by one too many."""

    def __init__(self, cache: CacheStore) -> None:
        self._cache = cache

    async def invalidate(self, message: InvalidateObjects, _: Call) -> Answer:
        """Raise the floors and tell the feed. Raises Malformed, Unavailable when some may not have been reached."""
        try:
            for obj, version in message.versions.items():
                object_type(obj)
                check_version(version)
        except ValueError as error:
            raise Malformed(str(error)) from error
        try:
            await self._cache.invalidate(message.versions)
        except CacheUnavailable as error:
            raise Unavailable(f"Not all of it may have been invalidated: {error}") from error
        return Answer(None)

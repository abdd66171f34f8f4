"""What an administrator may do with the cache: have it forget, whatever the versions."""

import logging

from shared.cache.operators import EVERYTHING, OperatedCache
from shared.cache.plain import OperatedStore
from shared.cache.results import CacheUnavailable
from shared.contracts.cache_messages import PurgeCache
from shared.contracts.errors import Forbidden, Unavailable
from shared.runtime.bus.server import Answer, Call

log = logging.getLogger(__name__)


class Purges:
    """On one cache. One object is forgotten by its name; for more, the keys of the server are listed."""

    def __init__(self, store: OperatedStore) -> None:
        self._store = store
        self._cache = OperatedCache(store)

    async def purge(self, message: PurgeCache, call: Call) -> Answer:
        """Forget. Raises Forbidden, Unavailable when some may not have been forgotten."""
        if call.user.role != "admin":
            raise Forbidden("This is for administrators")
        what = EVERYTHING if message.type is None else f"{message.type}:{message.id or EVERYTHING}"
        try:
            if message.type is not None and message.id is not None:
                forgotten = await self._store.forget([what])
            else:
                forgotten = await self._cache.delete_pattern(what)
        except CacheUnavailable as error:
            raise Unavailable(f"Not all of it may have been forgotten: {error}") from error
        log.info(
            "%s had %s forgotten: %d objects, %d entries",
            *(call.user.user_id, what, forgotten.objects, forgotten.entries),
        )
        return Answer(None)

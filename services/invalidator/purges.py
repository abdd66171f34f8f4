"""Having the cache forget, whatever the versions: an administrator anything, the checker what it found wrong."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from shared.cache.operators import EVERYTHING, OperatedCache
from shared.cache.plain import OperatedStore
from shared.cache.results import CacheUnavailable
from shared.contracts.cache_messages import ForgetObjects, PurgeCache
from shared.contracts.errors import Forbidden, Malformed, Unavailable
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
        with _told():
            if message.type is not None and message.id is not None:
                forgotten = await self._store.forget([what])
            else:
                forgotten = await self._cache.delete_pattern(what)
        log.info(
            "%s had %s forgotten: %d objects, %d entries",
            *(call.user.user_id, what, forgotten.objects, forgotten.entries),
        )
        return Answer(None)

    async def forget(self, message: ForgetObjects, _: Call) -> Answer:
        """Forget objects. Raises Malformed, Unavailable when some may not have been forgotten."""
        try:
            with _told():
                await self._store.forget(message.objects)
        except ValueError as error:
            raise Malformed(str(error)) from error
        log.info("forgotten since something was wrong with them: %s", ", ".join(message.objects))
        return Answer(None)


@contextmanager
def _told() -> Iterator[None]:
    """Have whoever asks hear that the cache did not answer: nothing is lost by asking again."""
    try:
        yield
    except CacheUnavailable as error:
        raise Unavailable(f"Not all of it may have been forgotten: {error}") from error

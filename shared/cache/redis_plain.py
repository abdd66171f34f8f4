"""Forgetting objects on a server, whatever their version."""

from collections.abc import Callable, Iterable
from typing import cast

from redis.exceptions import ResponseError

from shared.cache import scripts
from shared.cache.exchange import Call, Exchange
from shared.cache.keys import head_key, variants_key
from shared.cache.plain import EVERY_VERSION, Forgotten
from shared.cache.redis_floors import state_of
from shared.cache.results import CacheUnavailable
from shared.cache.stats import CacheStats


class RedisForgetting:
    """See shared.cache.plain."""

    stats: CacheStats
    _server: Exchange
    _nonce: Callable[[], str]

    async def forget(self, objects: Iterable[str]) -> Forgotten:
        """Give each object a new lineage and remove its entries, many in one pipeline. Raises CacheUnavailable."""
        names = list(dict.fromkeys(objects))
        if not names:
            return Forgotten()
        calls: list[Call] = [
            ((state_of(obj), head_key(obj), variants_key(obj)), (self._nonce(), EVERY_VERSION, obj)) for obj in names
        ]
        try:
            answers = await self._server.ask(self._server.run, scripts.FORGET, calls)
        except ResponseError as error:
            raise CacheUnavailable(f"the cache server refused to forget: {error}") from error
        for obj in names:
            self.stats.invalidated(obj)
        return Forgotten(*(sum(column) for column in zip(*cast("list[list[int]]", answers), strict=True)))

"""Opening a cache as the services do, for tests that have no database whose transactions must be waited for."""

from shared.cache.opening import Openings
from shared.contracts.objects import KEEPERS


async def open_cache(cache: Openings) -> None:
    """Open the cache for the objects of every keeper, if it is not."""
    for keeper in KEEPERS:
        opening = await cache.begin(keeper)
        if opening is not None:
            assert await cache.finish(opening)
        assert await cache.is_open(keeper)

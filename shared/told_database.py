"""A service's own schema, whose writers tell the cache before they commit, and which opens it when it is lost."""

from shared.cache.connect import connect
from shared.cache.settings import CacheSettings
from shared.contracts.objects import Keeper
from shared.runtime.database import Database
from shared.runtime.opener import Opener
from shared.runtime.raising import Raising
from shared.runtime.service import Service
from shared.runtime.settings import WriterSettings


def told_database(
    service: Service, settings: WriterSettings, *, keeper: Keeper | None = None, pool_size: int | None = None
) -> Database:
    """Return the database of a process that writes.

    As the `keeper` of its objects the process publishes what has been written, by whichever process, and opens the
    cache; the others leave that to it. `pool_size` is as Database has it.
    """
    cache = connect(CacheSettings.of(settings))
    service.closing(cache.close)
    raising = Raising(cache, settings.cache_policy, service.timings)
    database = service.database(settings, relay=keeper is not None, pool_size=pool_size, raising=raising)
    if keeper is not None and settings.redis_enabled:
        service.background(Opener(keeper, cache, database, service.timings).run)
    return database

"""`python -m tests.dying_writer DATABASE_URL CACHE_URL`: a writer that is killed between its raise and its COMMIT."""

import asyncio
import os
import signal
import sys

from shared.cache.connect import connect
from shared.cache.settings import CacheSettings
from shared.runtime.database import Database
from shared.runtime.opener import Opener
from shared.runtime.raising import Raising
from shared.runtime.settings import DatabaseSettings
from shared.runtime.timings import Timings
from tests.databases import service_url
from tests.exact_cache import Side, Told


async def die() -> None:
    """As by `kill -9`."""
    os.kill(os.getpid(), signal.SIGKILL)


async def main(database_url: str, cache_url: str) -> None:
    """Write, and do not live to see it."""
    cache, timings = connect(CacheSettings(url=cache_url)), Timings("strategy", "strategy-2")
    floors = Told(cache, then=die)
    settings = DatabaseSettings(database_url=service_url(database_url, "strategy"))
    database = Database(settings, "strategy", raising=Raising(floors, "", timings))
    await database.connect()
    await Side(database, cache, floors, Opener("strategy", cache, database, timings), timings).write("never")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

"""The timings that the bus still holds, read at the start: a new life of the service begins with what the last knew."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts.streams import TIMINGS
from shared.runtime.bus.connection import Entry

log = logging.getLogger(__name__)

AT_ONCE: Final = 100
RETRY_SECONDS: Final = 0.5


async def read_history(client: Redis, take: Callable[[list[Entry]], Awaitable[None]]) -> None:
    """Hand over every entry of the stream, oldest first, in portions; waits out a bus that is away."""
    after = "-"
    while True:
        try:
            rows = cast("list[tuple[bytes, dict[bytes, bytes]]]", await client.xrange(TIMINGS, after, count=AT_ONCE))
        except (RedisError, OSError) as error:
            log.warning("the timings of the past cannot be read yet: %s", error)
            await asyncio.sleep(RETRY_SECONDS)
            continue
        await take([Entry(entry_id, fields) for entry_id, fields in rows])
        if len(rows) < AT_ONCE:
            return
        after = f"({rows[-1][0].decode()}"

"""Wake-ups that died with whoever they were to wake. What there is to do stands elsewhere, and is found there."""

import asyncio
import contextlib

from redis.asyncio import Redis
from redis.exceptions import RedisError

LOOK_SECONDS = 10.0
# A reader that lives acknowledges a wake-up as soon as it has it.
LOST_SECONDS = 30.0
AT_ONCE = 100


async def put_lost_away(client: Redis, stream: str, group: str) -> None:
    """Until cancelled remove wake-ups that were given to somebody and never acknowledged: they would stay for ever."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        with contextlib.suppress(RedisError, OSError):
            lost = await client.xpending_range(stream, group, "-", "+", AT_ONCE, idle=int(LOST_SECONDS * 1000))
            if ids := [row["message_id"] for row in lost]:
                await client.xack(stream, group, *ids)
                await client.xdel(stream, *ids)

"""The job stream kept tidy: what dead workers had been given is dropped, and they are forgotten.

An entry only wakes a worker up. Its job is a row, which the others find when they next look; nothing has to be done
over again for it.
"""

import asyncio
import contextlib
import logging
from typing import cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts.streams import JOBS_BACKTEST
from shared.runtime.bus.groups import forget_consumer
from shared.runtime.bus.writer import StreamWriter

log = logging.getLogger(__name__)

GROUP = "workers"
LOOK_SECONDS = 10.0
LOST_SECONDS = 5.0
"""A worker acknowledges what it is given before it does anything."""
AT_ONCE = 100


class WakeUps:
    """The entries of the job stream that workers are given."""

    def __init__(self, client: Redis, writer: StreamWriter) -> None:
        self._client = client
        self._writer = writer

    def done(self, *ids: bytes) -> None:
        """Take entries off the stream: nobody else reads it."""
        self._writer.post("XACK", JOBS_BACKTEST, GROUP, *ids)
        self._writer.post("XDEL", JOBS_BACKTEST, *ids)

    async def keep_tidy(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(RedisError, OSError):
                await self.tidy()

    async def tidy(self) -> None:
        """Drop what was given to workers that died, and forget those not heard of for long. Raises RedisError."""
        lost = await self._client.xpending_range(JOBS_BACKTEST, GROUP, "-", "+", AT_ONCE, idle=int(LOST_SECONDS * 1000))
        if lost:
            log.info("%d entries had been given to workers that died; their jobs are found without them", len(lost))
            self.done(*(cast("bytes", row["message_id"]) for row in lost))
        await forget_consumer(self._client, JOBS_BACKTEST, GROUP, "")

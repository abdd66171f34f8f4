"""The timings as they come. Each process of the service reads all of them, without a group.

Of two that shared a group each would be given half, and would answer with its half. What all come to depends on nothing
but the entries and their order, so that any process that reads them all may be asked.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.metrics.history import AT_ONCE, RETRY_SECONDS, Place, Rows
from shared.contracts.errors import Unavailable
from shared.contracts.streams import TIMINGS
from shared.runtime.bus.connection import BLOCK_MS, Entry
from shared.runtime.bus.reading import begun_anew, complaint

log = logging.getLogger(__name__)

SILENT_SECONDS: Final = 5.0
"""A read takes a second when nothing comes. Who has not come to the end of one for so long knows nothing new."""


class TimingFeed:
    """Hands over every entry behind a place, oldest first. `clock` is in seconds."""

    def __init__(self, client: Redis, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._read_at: float | None = None
        self._fault = ""

    async def run(self, after: Place, take: Callable[[list[Entry]], Awaitable[None]]) -> NoReturn:
        """Read until cancelled, and wait out a bus that is away."""
        last = f"{after[0]}-{after[1]}"
        while True:
            try:
                rows = await self._behind(last)
                if not rows and await begun_anew(self._client, TIMINGS, last):
                    log.warning("%s has begun anew and is read from its beginning", TIMINGS)
                    last = "0"
            except (RedisError, OSError) as error:
                if not self._fault:
                    log.warning("%s cannot be read: %s", TIMINGS, error)
                self._fault = complaint(error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            self._read_at, self._fault = self._clock(), ""
            if rows:
                await take([Entry(entry_id, fields) for entry_id, fields in rows])
                last = rows[-1][0].decode()

    async def check(self) -> None:
        """Pass while what comes is read. Raises Unavailable."""
        if self._read_at is None:
            raise Unavailable("what was measured before is still being read")
        if self._clock() - self._read_at > SILENT_SECONDS:
            raise Unavailable(f"the bus, asked for {TIMINGS}, {self._fault or 'does not answer'}")

    async def _behind(self, last: str) -> Rows:
        found = await self._client.xread({TIMINGS: last}, count=AT_ONCE, block=BLOCK_MS)
        return cast("list[tuple[bytes, Rows]]", found)[0][1] if found else []

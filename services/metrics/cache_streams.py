"""What the checker of the caches reads from the bus: change events as they come, and the gateway's answers.

Without a group and from now on: an event that is missed costs a look. It is read so seldom, and so little at a time,
that no load of events makes it much work; what comes faster is skipped.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from services.metrics.core.change_events import changed_by
from shared.contracts.streams import CACHE_SHOWN, EVENT_SOURCES, event_stream

log = logging.getLogger(__name__)

AT_ONCE: Final = 50
BLOCK_MS: Final = 1000
PAUSE_SECONDS: Final = 0.1
RETRY_SECONDS: Final = 1.0

_EVENTS: Final = tuple(event_stream(source) for source in EVENT_SOURCES)

Rows = list[tuple[bytes, dict[bytes, bytes]]]


class CacheStreams:
    """`changed(objects, trace)` is told of each event, `heard(fields)` of each answer."""

    def __init__(
        self,
        client: Redis,
        changed: Callable[[list[str], str], None],
        heard: Callable[[Mapping[bytes, bytes]], None],
    ) -> None:
        self._client = client
        self._changed = changed
        self._heard = heard

    async def run(self) -> None:
        """Read until cancelled, and wait out a bus that is away."""
        told = False
        while True:
            try:
                places = {stream: await self._end(stream) for stream in (*_EVENTS, CACHE_SHOWN)}
                told = False
                while True:
                    await self._read(places)
                    await asyncio.sleep(PAUSE_SECONDS)
            # uvloop has a RuntimeError for a connection that has been closed since it was last used.
            except (RedisError, OSError, RuntimeError) as error:
                if not told:
                    log.warning("the caches are not checked: %s", error)
                told = True
                await asyncio.sleep(RETRY_SECONDS)

    async def _read(self, places: dict[str, bytes]) -> None:
        """Take in what has come since `places`, and move them."""
        asked = cast("dict[str | bytes | memoryview, bytes | str | int | memoryview]", places)
        found = cast("list[tuple[bytes, Rows]]", await self._client.xread(asked, count=AT_ONCE, block=BLOCK_MS))
        for name, rows in found:
            stream = name.decode()
            places[stream] = rows[-1][0]
            for _, fields in rows:
                if stream == CACHE_SHOWN:
                    self._heard(fields)
                else:
                    self._changed(*changed_by(fields))
            if stream != CACHE_SHOWN and len(rows) == AT_ONCE:
                places[stream] = await self._end(stream)

    async def _end(self, stream: str) -> bytes:
        """Return the id of what was last written, for a stream that is not there yet the one before all."""
        try:
            about = await self._client.xinfo_stream(stream)
        except ResponseError as error:
            if "no such key" in str(error):
                return b"0-0"
            raise
        return cast("bytes", about["last-generated-id"])

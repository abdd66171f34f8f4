"""How far the cache is behind the events: the age of the oldest that it has not been told of, whoever has it."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.invalidator.core.changes import NotAnEvent, read_change
from shared.contracts.clock import Clock
from shared.contracts.timings import Gauge

LOOK_SECONDS: Final = 1.0

_Entries = list[tuple[bytes, dict[bytes, bytes]]]


class OverdueEvents:
    """Looks at what the group has of each stream. While the bus does not answer, what was overdue goes on to be."""

    def __init__(self, client: Redis, streams: Sequence[str], group: str, clock: Clock) -> None:
        self._client = client
        self._group = group
        self._clock = clock
        self._since: dict[str, datetime | None] = dict.fromkeys(streams)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once at every stream."""
        for stream in self._since:
            try:
                self._since[stream] = await self._oldest(stream)
            except (RedisError, OSError):
                return

    def gauges(self) -> list[Gauge]:
        """Return the age in seconds by stream, 0 when everything has been applied."""
        now = self._clock.now()
        return [
            Gauge(
                name="event_overdue_seconds",
                labels={"stream": stream},
                value=0.0 if since is None else max(0.0, (now - since).total_seconds()),
            )
            for stream, since in self._since.items()
        ]

    async def _oldest(self, stream: str) -> datetime | None:
        """Return when the oldest that is not acknowledged was announced. What is no event has no time."""
        first = await self._first(stream)
        entries = cast("_Entries", await self._client.xrange(stream, min=first, count=1))
        try:
            return read_change(entries[0][1]).at if entries else None
        except NotAnEvent:
            return None

    async def _first(self, stream: str) -> str:
        """Return where the entries that are owed begin, or else those that nobody has been given yet."""
        pending = cast("Mapping[str, bytes | None]", await self._client.xpending(stream, self._group))
        if pending["min"] is not None:
            return pending["min"].decode()
        groups = cast("list[Mapping[str, bytes]]", await self._client.xinfo_groups(stream))
        (given,) = (group["last-delivered-id"] for group in groups if group["name"] == self._group.encode())
        return f"({given.decode()}"

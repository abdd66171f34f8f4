"""What a process has in its hands, refreshed, so that nobody takes its slow work for a dead process's.

FastStream's own claiming goes by the time since an entry was delivered, and steals what takes long.
"""

import asyncio
import contextlib
import itertools
import math

from redis.asyncio import Redis
from redis.exceptions import RedisError

REFRESH_SECONDS = 0.5
# What is handed back looks as if nobody had touched it for so long, and is taken at the next look.
_LONG_AGO_MS = 3_600_000


class InHand:
    """Entries of one group that the process `consumer` was given and has not acknowledged.

    One that is held longer than `longest` seconds is refreshed no more: whoever wants it may have it.
    """

    def __init__(self, client: Redis, stream: str, group: str, consumer: str, *, longest: float = math.inf) -> None:
        self._client = client
        self._stream = stream
        self._group = group
        self._consumer = consumer
        self._longest = longest
        self._held: dict[bytes, tuple[float, str]] = {}
        # A refresh under an old name must not come after the new one has been told.
        self._telling = asyncio.Lock()

    def __contains__(self, entry_id: object) -> bool:
        """Say whether it is in the hands of this process."""
        return entry_id in self._held

    def take(self, *ids: bytes, name: str = "") -> None:
        """Hold these from now on; the bus has them under `name`, if not under the process's own."""
        held = (asyncio.get_running_loop().time(), name or self._consumer)
        self._held.update(dict.fromkeys(ids, held))

    def let_go(self, *ids: bytes) -> None:
        """Hold these no more."""
        for entry_id in ids:
            self._held.pop(entry_id, None)

    async def run(self) -> None:
        """Refresh what is held until cancelled. While the bus is away nobody else can take anything."""
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            with contextlib.suppress(RedisError, OSError):
                await self.refresh()

    async def refresh(self) -> None:
        """Tell the bus of what has been held for a while that it still is. Raises RedisError or OSError."""
        async with self._telling:
            now = asyncio.get_running_loop().time()
            # What is let go of meanwhile does no harm: the bus ignores what is acknowledged.
            held = [
                (name, entry_id)
                for entry_id, (since, name) in self._held.items()
                if REFRESH_SECONDS <= now - since <= self._longest
            ]
            for name, pairs in itertools.groupby(sorted(held), key=lambda pair: pair[0]):
                await self._claim(name, *(entry_id for _, entry_id in pairs))

    async def rename(self, entry_id: bytes, *, deliveries: int | None = None) -> None:
        """Hold an entry under the process's own name, as given so many times. Raises RedisError or OSError."""
        if entry_id in self._held:
            self._held[entry_id] = (self._held[entry_id][0], self._consumer)
            async with self._telling:
                await self._claim(self._consumer, entry_id, deliveries=deliveries)

    async def absolve(self) -> None:
        """Hold what was taken over as if it had been read: nobody is known to have died of it. Raises as `rename`."""
        for entry_id, (_, name) in list(self._held.items()):
            if name != self._consumer:
                await self.rename(entry_id, deliveries=1)

    async def hand_back(self) -> None:
        """Let go of everything, for another process to take at once. Raises RedisError or OSError."""
        held, self._held = list(self._held), {}
        if held:
            await self._claim(self._consumer, *held, idle=_LONG_AGO_MS)

    async def _claim(self, name: str, *ids: bytes, idle: int | None = None, deliveries: int | None = None) -> None:
        # JUSTID: nothing is delivered, so that no delivery is counted.
        await self._client.xclaim(
            self._stream, self._group, name, 0, list(ids), idle=idle, retrycount=deliveries, justid=True
        )

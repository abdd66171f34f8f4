"""Entries whose process died: found, judged, taken over one at a time.

One request can end the process that takes it, and with it go the neighbours that were in the same hands. To tell them
apart, what is taken over is handled alone, and the bus is told so by the name of the consumer: `<me>.after.<the one
before>`. Who dies under such a name had that one entry in its hands and nothing else.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts.bus_messages import Delivery
from shared.runtime.bus.connection import Entry
from shared.runtime.bus.dead_letters import Verdict
from shared.runtime.bus.groups import forget_consumer

log = logging.getLogger(__name__)

# Well inside a request's five seconds, and three times what a living process lets pass before it refreshes.
ABANDONED_SECONDS = 1.5
LOOK_SECONDS = 0.25
# After the bus was away everything looks abandoned, until those who live have refreshed what they hold.
GRACE_SECONDS = 1.0
# In the hands of so many processes when they ended: whatever the reason, it is not given to another.
MAX_DELIVERIES = 3
AT_ONCE = 100
_AFTER = ".after."


class Abandoned(msgspec.Struct, frozen=True):
    """An entry that its consumer has not refreshed for `idle_ms`, and how often it was given to one."""

    id: bytes
    consumer: str
    idle_ms: int
    deliveries: int

    @property
    def was_alone(self) -> bool:
        """Whether it was the one thing that its process had in its hands."""
        return _AFTER in self.consumer

    def was_with(self, consumer: str) -> bool:
        """Whether `consumer` had it last: who can ask did not die of it, but acknowledged it in vain."""
        return self.consumer.partition(_AFTER)[0] == consumer

    @property
    def order(self) -> tuple[int, int, int]:
        """Those that fewer processes have died with come first: they wait for nobody's death."""
        time, _, number = self.id.partition(b"-")
        return self.deliveries, int(time), int(number)

    def heir(self, consumer: str) -> str:
        """Return the name under which `consumer` handles it alone."""
        return f"{consumer}{_AFTER}{self.consumer}"

    def verdict(self) -> Verdict:
        """Return why it is put aside."""
        return Verdict(
            reason="process-ended",
            error=f"{self.deliveries} processes ended while they had it",
            deliveries=self.deliveries,
            history=self._history(),
        )

    def _history(self) -> list[Delivery]:
        """Return the deliveries that are known, oldest first."""
        last = datetime.now(UTC) - timedelta(milliseconds=self.idle_ms)
        newest, *before = self.consumer.split(_AFTER)
        alone = " and nothing else" if self.was_alone else ""
        return [
            *(Delivery(consumer=name, at=None, error=_ENDED) for name in reversed(before)),
            Delivery(consumer=newest, at=last, error=f"{_ENDED}{alone}"),
        ]


_ENDED = "the process ended, or hung, with this in its hands"


class Heirs:
    """The names under which this process handled what others left; the bus is to forget them again."""

    def __init__(self, client: Redis, stream: str, group: str) -> None:
        self._client = client
        self._stream = stream
        self._group = group
        self._names: set[str] = set()

    def add(self, name: str) -> None:
        """Remember that a name is in use."""
        self._names.add(name)

    async def forget(self) -> None:
        """Remove the names that hold nothing any more. Raises RedisError or OSError."""
        for name in list(self._names):
            await forget_consumer(self._client, self._stream, self._group, name)
            self._names.discard(name)


async def look_for_ever(client: Redis, look: Callable[[], Awaitable[None]]) -> None:
    """Until cancelled `look()` every LOOK_SECONDS, at the start at once: who starts may follow one that died."""
    away = False
    while True:
        try:
            if away:
                await client.ping()
                away = False
                await asyncio.sleep(GRACE_SECONDS)
            await look()
        except (RedisError, OSError) as error:
            log.debug("nothing can be taken over at the moment: %s", error)
            away = True
        await asyncio.sleep(LOOK_SECONDS)


async def find_abandoned(client: Redis, stream: str, group: str, in_hand: Container[bytes]) -> list[Abandoned]:
    """Return what is pending and nobody's any more, least suspicious first. Raises RedisError or OSError."""
    pending = cast(
        "list[dict[str, bytes | int]]",
        await client.xpending_range(stream, group, "-", "+", AT_ONCE, idle=int(ABANDONED_SECONDS * 1000)),
    )
    found = [
        Abandoned(
            id=cast("bytes", row["message_id"]),
            consumer=cast("bytes", row["consumer"]).decode(errors="replace"),
            idle_ms=cast("int", row["time_since_delivered"]),
            deliveries=cast("int", row["times_delivered"]),
        )
        for row in pending
    ]
    return sorted((row for row in found if row.id not in in_hand), key=lambda row: row.order)


async def take_over(client: Redis, stream: str, group: str, consumer: str, row: Abandoned) -> Entry | None:
    """Return the entry, which is `consumer`'s now; None when somebody else has it, or it is in the stream no more.

    Raises RedisError or OSError.
    """
    claimed = cast(
        "list[tuple[bytes | None, dict[bytes, bytes] | None]]",
        await client.xclaim(stream, group, consumer, int(ABANDONED_SECONDS * 1000), [row.id]),
    )
    for entry_id, fields in claimed:
        if entry_id is not None and fields:
            log.warning("%s: %s is taken over from %s", stream, entry_id.decode(), row.consumer)
            return Entry(entry_id, fields)
    return None

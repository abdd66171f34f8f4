"""What was measured before: the totals that a former life of the service kept, and the timings that came after them.

The bus holds timings for a while only, and of a process that has ended no more come: what all of them add up to is kept
beside them, with the place in the stream up to which it counts. Nothing before that place is counted again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.metrics.core.state import State, pack, unpack
from shared.contracts.streams import TIMINGS, TOTALS
from shared.runtime.bus.connection import Entry

log = logging.getLogger(__name__)

AT_ONCE: Final = 100
RETRY_SECONDS: Final = 0.5
KEEP_SECONDS: Final = 10.0

Place = tuple[int, int]
"""The id of an entry."""
BEGINNING: Final[Place] = (0, 0)

Rows = list[tuple[bytes, dict[bytes, bytes]]]


class Kept(NamedTuple):
    """What was known when everything up to `place` had been taken in."""

    place: Place
    state: State


async def read_kept(client: Redis) -> Kept | None:
    """Return what was kept last, None for nothing, or for what cannot be read; waits out a bus that is away."""
    rows = await _ask(client, TOTALS, "-")
    if not rows:
        return None
    fields = rows[-1][1]
    try:
        return Kept(place_of(fields[b"place"]), unpack(fields[b"state"]))
    except (KeyError, ValueError, msgspec.MsgspecError) as error:  # of another version of the service
        log.warning("the totals of the past cannot be read, those of the last minutes are counted anew: %r", error)
        return None


async def read_history(client: Redis, after: Place, take: Callable[[list[Entry]], Awaitable[None]]) -> None:
    """Hand over every entry of the stream behind a place, oldest first, in portions; waits out a bus that is away."""
    while True:
        rows = await _ask(client, TIMINGS, f"({after[0]}-{after[1]}")
        await take([Entry(entry_id, fields) for entry_id, fields in rows])
        if len(rows) < AT_ONCE:
            return
        after = place_of(rows[-1][0])


async def keep(client: Redis, kept: Kept) -> None:
    """Keep this as it is now in place of what was kept before. Raises RedisError or OSError."""
    packed = pack(kept.state)  # before others have their turn, and batches change it
    place = f"{kept.place[0]}-{kept.place[1]}"
    await client.xadd(TOTALS, {"place": place, "state": packed}, maxlen=1, approximate=False)


def place_of(entry_id: bytes) -> Place:
    """Return the place of an entry with this id."""
    milliseconds, _, number = entry_id.partition(b"-")
    return int(milliseconds), int(number)


async def _ask(client: Redis, stream: str, start: str) -> Rows:
    while True:
        try:
            return cast("Rows", await client.xrange(stream, start, count=AT_ONCE))
        except (RedisError, OSError) as error:
            log.warning("the timings of the past cannot be read yet: %s", error)
            await asyncio.sleep(RETRY_SECONDS)

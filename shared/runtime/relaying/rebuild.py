"""Making a stream whole that the bus has lost: groups first, where they were, then the events, under their old ids.

Who reads may see repeats, never a hole: a group is there before what it has not acknowledged is appended after it.
"""

import logging
from collections import Counter

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.runtime.database import Connection
from shared.runtime.relaying.append import Appender, StreamBehind
from shared.runtime.relaying.floors import stored_floors
from shared.runtime.relaying.places import OnBus, Place

log = logging.getLogger(__name__)

BATCH = 500

_LOST = """
SELECT id, stream, sequence, event_id, type, subject, owner, time, traceparent, data
FROM outbox WHERE stream = $1 AND sequence > $2 AND sequence <= $3
ORDER BY sequence LIMIT $4
"""


class Rebuild:
    """Mends event streams batch by batch; `rebuilt` counts, by stream, the events that were appended again."""

    def __init__(self, bus: Redis, appender: Appender) -> None:
        self.rebuilt: Counter[str] = Counter()
        self._bus = bus
        self._appender = appender
        self._begun: dict[str, int] = {}

    async def restore_groups(self, connection: Connection, stream: str) -> None:
        """Make every registered group that is missing, at what it has acknowledged."""
        for name, floor in (await stored_floors(connection, stream)).items():
            try:
                await self._bus.xgroup_create(stream, name, id=f"{floor}-0", mkstream=True)
            except ResponseError as error:
                if "BUSYGROUP" not in str(error):
                    raise
            else:
                log.warning("the group %s of %s was lost and is made again, after %d", shown(name), stream, floor)

    async def mend(self, connection: Connection, place: Place, there: OnBus) -> None:
        """Append a batch of what the stream has lost. Raises RedisError or StreamForked."""
        stream = place.stream
        if stream not in self._begun:
            self._begun[stream] = self.rebuilt[stream]
            log.warning(
                "the bus has lost events of %s: it is at %d, they were published up to %d; they are appended again",
                *(stream, there.last, place.published),
            )
        await self.restore_groups(connection, stream)
        rows = await connection.fetch(_LOST, stream, there.last, place.published, BATCH)
        if rows:
            done, error = await self._appender.append(stream, rows, behind=there.last)
            self.rebuilt[stream] += done
            if isinstance(error, StreamBehind):  # lost once more since it was looked at: the next pass begins anew
                return
            if error is not None:
                raise error
        reached = rows[-1]["sequence"] if rows else there.last
        if len(rows) == BATCH and reached < place.published:
            return
        if reached < place.published:  # what was published long ago is in the outbox no more
            await self._appender.advance(stream, place.published)
        log.warning("%s is whole again: %d events", stream, self.rebuilt[stream] - self._begun.pop(stream))


def shown(name: bytes) -> str:
    """Return a group's name as it can be read."""
    return name.decode(errors="backslashreplace")

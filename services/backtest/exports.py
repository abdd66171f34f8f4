"""Tables as files in the object store, for whoever asked to fetch and delete."""

import asyncio
from collections.abc import AsyncIterator, Iterator

from shared.contracts.errors import DeadlineExceeded
from shared.contracts.values import Export
from shared.runtime.bus.server import Call
from shared.runtime.objects import Objects
from shared.runtime.old_replies import REPLIES

# Each keeps a core busy for as long as it takes; of the longest tables some seconds.
AT_ONCE = 2


class Exports:
    """Stores tables a piece at a time, so that a long one takes no more memory than a short one."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def store(self, table: Iterator[bytes], call: Call) -> Export:
        """Store the pieces of a file under the request's own key. Raises DeadlineExceeded and Unavailable."""
        key = f"{REPLIES}{call.id}"
        async with self._slots:
            if call.seconds_left <= 0:
                raise DeadlineExceeded("There was no time left to make the file")
            await self._objects.put_stream(key, _made_in_threads(table))
        return Export(object_key=key)


async def _made_in_threads(table: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (piece := await asyncio.to_thread(next, table, None)) is not None:
        yield piece

"""One read at a time of the same place, for all who ask for it; nobody is given what was read before he asked for it.

What another has read may be older than a write that was acknowledged before one asked, so it is never taken. Where the
reader can leave it, the others wait for his end and look there, which tells whether it still holds (`settled`). Where
he cannot, because the cache takes no part, they wait for his end too, and one of them reads for all (`together`): that
read begins after each of them has asked, so that it shows all that any of them may expect, with a token or without.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Final, TypeVar

T = TypeVar("T")

ROUNDS: Final = 2
"""So often one waits for another's read; then one reads oneself."""


class Flights:
    """The reads of a process that are under way. Nobody waits for a single one longer than `patience` seconds."""

    def __init__(self, patience: float | None = None) -> None:
        self._patience = patience
        self._flying: dict[Hashable, asyncio.Future[None]] = {}
        self._next: dict[Hashable, asyncio.Task[Any]] = {}
        self._reading: set[asyncio.Task[Any]] = set()

    def __contains__(self, place: Hashable) -> bool:
        return place in self._flying

    def take_off(self, place: Hashable) -> Callable[[], None]:
        """Begin a read that others may wait for; what is returned is to be called at its end, once."""
        landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._flying[place] = landed  # in front of one that outlasts its readers' patience

        def land() -> None:
            landed.set_result(None)
            if self._flying.get(place) is landed:
                del self._flying[place]

        return land

    async def settled(
        self, place: Hashable, found: T, wanting: Callable[[T], bool], look: Callable[[], Awaitable[T]]
    ) -> T:
        """Return `found`, or while that is `wanting` and a read is under way, what one looks up after its end."""
        for _ in range(ROUNDS):
            if place not in self._flying or not wanting(found):
                break
            await self._landed(place)
            found = await look()
        return found

    async def together(self, place: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """Return what a read gives that began after this was called. Raises what it raises, to all who share it."""
        reading = self._next.get(place)
        if reading is None:
            reading = self._next[place] = asyncio.create_task(self._read_next(place, read))
            self._reading.add(reading)
            reading.add_done_callback(self._reading.discard)
        result: T = await asyncio.shield(reading)  # one who leaves takes it from nobody
        return result

    async def _read_next(self, place: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        try:
            if place in self._flying:
                await self._landed(place)
        finally:
            del self._next[place]  # it begins: who asks from here on asks too late for it
        land = self.take_off(place)
        try:
            return await read()
        finally:
            land()

    async def _landed(self, place: Hashable) -> None:
        await asyncio.wait([self._flying[place]], timeout=self._patience)

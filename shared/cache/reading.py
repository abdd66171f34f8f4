"""One read through both levels of the cache, and the database once for all who wait for the same (see `flights`)."""

import asyncio
import logging
import math
import random as randomness
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import replace
from typing import Final, Literal, NamedTuple

from shared.cache.flights import Flights
from shared.cache.local import Flight, Held, LocalCache
from shared.cache.record import MAX_VERSION, Entry
from shared.cache.results import Bypass, BypassReason, FillOutcome, Hit, Lookup, Miss
from shared.cache.settings import JITTER, CacheSettings
from shared.cache.store import CacheStore

log = logging.getLogger(__name__)

WAIT_SECONDS: Final = 1.0
"""So long one waits for another's read at most: it may be given up only after its own deadline."""
BETA: Final = 1.0
"""How eagerly an entry is made anew before its end; 1 is best where reads come at random (Vattani et al. 2015)."""

Source = Literal["l1", "l2", "miss", "bypass"]


class Fetched(NamedTuple):
    """What the database answered. It is offered to the cache when its version is known."""

    entry: Entry
    versioned: bool = True


class Found(NamedTuple):
    """What a read found, and where."""

    entry: Entry
    source: Source


Fetch = Callable[[], Awaitable[Fetched]]
Forwards = Callable[[Source], None]
Place = tuple[str, str, Hashable]  # object, variant and who asks: nobody waits for what another may or may not read


class CachedReads:
    """Reads through `local`, without which nothing is kept in this process, and `store`.

    `clock` is the one of the local cache's feed, `wall` is in Unix seconds, `random` gives a number in [0, 1).
    """

    def __init__(
        self,
        store: CacheStore,
        local: LocalCache | None = None,
        settings: CacheSettings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self.store = store
        self.local = LocalCache(0) if local is None else local
        self.clock = clock
        self._settings = settings or CacheSettings(url="")
        self._wall = wall
        self._random = random
        self._cost: dict[str, float] = {}
        self._flights = Flights(WAIT_SECONDS)
        self._tasks: set[asyncio.Task[None]] = set()

    async def read(
        self,
        obj: str,
        variant: str,
        fetch: Fetch,
        *,
        who: Hashable = "",
        least: int = 0,
        before: Held | Lookup | None = None,
        forwards: Forwards = lambda _: None,
    ) -> Found:
        """Return an answer of at least version `least`; `before` is what somebody has found for this read already.

        `fetch` reads the database in the name of `who`, and gives everybody of that name the same. Raises what it
        raises; `forwards` is told before for what reason it is asked.
        """
        found = before or self.local.get((obj, variant), least, self.clock()) or await self.find(obj, variant, least)
        place = (obj, variant, who)
        found = await self._flights.settled(place, found, _is_miss, lambda: self.find(obj, variant, least))
        if isinstance(found, Held):
            if self.clock() >= found.refresh_at:
                found.refresh_at = math.inf
                self._begin(self._refresh(place, found.entry, fetch))
            return Found(found.entry, "l1")
        if isinstance(found, Hit):
            if self.is_due(obj, found.entry):
                self._begin(self._refresh(place, found.entry, fetch))
            return Found(found.entry, "l2")
        if isinstance(found, Bypass):
            forwards("bypass")
            # Switched off, the cache takes no part in this either: each read is made.
            off = found.reason is BypassReason.DISABLED
            return Found((await (fetch() if off else self._flights.together(place, fetch))).entry, "bypass")
        forwards("miss")
        return Found(await self._fly(place, found.lease, fetch), "miss")

    async def past(self, obj: str, fetch: Fetch) -> Found:
        """Return what the database answers, whatever is cached: somebody asked for that. Raises what `fetch` raises."""
        self.store.stats.looked_up(obj, Bypass(BypassReason.REQUESTED))
        return Found((await fetch()).entry, "bypass")

    async def find(self, obj: str, variant: str, least: int) -> Lookup:
        """Ask the second level, and keep what it gives."""
        flight = self.local.begin(obj)
        try:
            found = await self.store.get(obj, variant, min_version=least)
            if isinstance(found, Hit):
                self._keep(flight, variant, found.entry)
        finally:
            self.local.end(flight)
        return found

    def is_due(self, obj: str, entry: Entry) -> bool:
        """Say whether one who has just been given `entry` should have it made anew."""
        return self._remaining(obj, entry) <= self._early(obj)

    async def settle(self, seconds: float = 1.0) -> None:
        """Wait for what goes on behind the answers, for so long at most."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def _fly(self, place: Place, lease: str, fetch: Fetch) -> Entry:
        """Read the database, and offer the answer without keeping the reader waiting for that."""
        obj, variant, _ = place
        land = self._flights.take_off(place)
        started, made = self.clock(), int(self._wall())
        try:
            fetched = await fetch()
        except BaseException:
            land()
            raise
        self._cost[_type(obj)] = self.clock() - started
        if not fetched.versioned:
            land()
            return fetched.entry
        entry = replace(fetched.entry, made=made)

        async def offer() -> None:
            try:
                await self._offer(obj, variant, lease, entry)
            finally:
                land()

        self._begin(offer())
        return entry

    async def _offer(self, obj: str, variant: str, lease: str, entry: Entry) -> None:
        """Offer an entry to the second level, and keep it if that accepted it.

        It is enough to watch from here on: what was announced earlier has raised the floor, under which the second
        level accepts nothing.
        """
        flight = self.local.begin(obj)
        try:
            if await self.store.fill(obj, variant, lease, entry) is FillOutcome.STORED:
                self._keep(flight, variant, entry)
        finally:
            self.local.end(flight)

    async def _refresh(self, place: Place, old: Entry, fetch: Fetch) -> None:
        """Make an entry anew before it ends, so that nobody has to wait for that."""
        obj, variant, _ = place
        if place in self._flights:
            return
        # One above what is there is a miss, and a miss gives the lease that an offer needs.
        found = await self.find(obj, variant, min(old.version + 1, MAX_VERSION))
        if isinstance(found, Miss) and place not in self._flights:
            await self._fly(place, found.lease, fetch)

    def _begin(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _keep(self, flight: Flight, variant: str, entry: Entry) -> None:
        if self.local.capacity and (remaining := self._remaining(flight.obj, entry)) > 0:
            expires = self.clock() + remaining
            self.local.keep(flight, variant, entry, expires, expires - self._early(flight.obj))

    def _remaining(self, obj: str, entry: Entry) -> float:
        """Return for how many seconds more an entry may be kept here: it ends before it does in the second level.

        By how much before differs, so that what was stored together is not made anew together.
        """
        life = self._settings.entry_ttl(obj, entry.status) * (1 - JITTER - JITTER * self._random())
        return life - max(0.0, self._wall() - entry.made)

    def _early(self, obj: str) -> float:
        """Return how many seconds before its end an entry should be made anew.

        Drawn once for each entry that a process keeps: within a process a read is made once for all anyway.
        """
        cost = self._cost.get(_type(obj), 0.0)
        return -cost * BETA * math.log(1 - self._random()) if cost else 0.0


def _is_miss(found: Held | Lookup) -> bool:
    return isinstance(found, Miss)


def _type(obj: str) -> str:
    """Return what `object_type` does, of an object that the store has found to be one."""
    return obj.partition(":")[0]


async def _quietly(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as error:  # nobody waits for it: whoever reads next is told what there is to tell
        log.info("an entry was not made in the background: %r", error)

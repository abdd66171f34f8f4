"""Opens the service's half of the cache when the cache server has lost it, and not before it is safe to."""

import asyncio
import contextlib
import logging
import time
from typing import Final, Generic, Protocol, TypeVar

import asyncpg

from shared.contracts.errors import Unavailable
from shared.contracts.objects import Keeper
from shared.contracts.timings import Gauge
from shared.runtime.barrier import writers_ended
from shared.runtime.database import Database
from shared.runtime.timings import Timings

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.1

T = TypeVar("T")


class Openings(Protocol[T]):
    """The states of the cache; `shared.cache.opening` says more. Each raises Unavailable when it is not answered."""

    @property
    def found_closed(self) -> asyncio.Event:
        """Set when a writer of this process has found it closed; whoever waits for that clears it first."""

    async def is_open(self, keeper: Keeper) -> bool:
        """Whether readers are served the objects of `keeper`."""

    async def begin(self, keeper: Keeper) -> T | None:
        """Set the state to opening; None when there is nothing to do, or somebody else is at it."""

    async def finish(self, opening: T) -> bool:
        """Set the state to open; False when it is not this opening any more."""


class Opener(Generic[T]):
    """Keeps the cache of `keeper`'s objects open. Any number of processes may do so: one of them opens it.

    Between the beginning and the end of an opening it waits for every transaction that may have found the cache closed,
    or raised floors that are lost: after its commit an older row could be served until its event arrives.
    """

    def __init__(self, keeper: Keeper, openings: Openings[T], database: Database, timings: Timings) -> None:
        self._keeper: Keeper = keeper
        self._openings = openings
        self._database = database
        self._timings = timings
        self._open = False
        self._opening: T | None = None
        self._away = False
        timings.gauges_from(lambda: [Gauge(name="cache_state", labels={"keeper": keeper}, value=float(self._open))])

    async def run(self) -> None:
        """Look, and open what is closed, until cancelled."""
        while True:
            self._openings.found_closed.clear()
            try:
                await self.look()
            except (Unavailable, asyncpg.PostgresError) as error:
                self._open = False
                if not self._away:
                    log.warning("the cache cannot be opened at the moment: %s", error)
                self._away = True
            else:
                self._away = False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._openings.found_closed.wait()

    async def look(self) -> None:
        """Open it if it is closed and nobody else is at it. Raises Unavailable and what Postgres does.

        An opening that could not be finished is gone on with: the barrier may be made at any time after its beginning.
        """
        self._open = await self._openings.is_open(self._keeper)
        if self._open:
            self._opening = None
            return
        began = time.perf_counter()
        if self._opening is None:
            self._opening = await self._openings.begin(self._keeper)
        if self._opening is None:
            return
        await writers_ended(self._database)
        self._open = await self._openings.finish(self._opening)
        self._opening = None
        if self._open:
            seconds = time.perf_counter() - began
            self._timings.observe("cache_opening_duration", seconds)
            log.info("the cache is open, after %.0f ms", 1000 * seconds)

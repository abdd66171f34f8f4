"""The port to the cache: what readers and the invalidator may ask of it."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from shared.cache.floors import Floors
from shared.cache.opening import Openings
from shared.cache.record import Entry
from shared.cache.results import FillOutcome, Invalidated, Lookup
from shared.cache.stats import CacheStats


class CacheStore(Protocol):
    """Objects are `type:id`, variants any text (a canonical query for lists), versions integers from the database.

    A read is `get`; on Miss the database; then `fill` with the lease. Nothing but a wrong argument (ValueError)
    is raised to a reader.
    """

    @property
    def connected(self) -> bool:
        """Whether the last exchange with the cache server succeeded."""

    @property
    def stats(self) -> CacheStats:
        """The counters of this store."""

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Look for an entry of at least `min_version`."""

    async def fill(self, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
        """Offer what the database answered after `lease` was given."""

    async def invalidate(self, versions: Mapping[str, int]) -> Invalidated:
        """Announce that each object has reached its version; repeats and any order are harmless.

        Raises CacheUnavailable when that may not have reached every object.
        """

    async def ping(self) -> bool:
        """Ask the server whether it is there."""

    async def close(self) -> None:
        """Release the connections."""


class Cache(CacheStore, Floors, Openings, Protocol):
    """All of it: each process is given the side that it is on."""

    @property
    def found_closed(self) -> asyncio.Event:
        """Set when a raise of this process has found it closed; whoever waits for that clears it first."""

"""The first level of the cache, inside one process: what the second gave or accepted, dropped when the feed says so.

It answers only while the feed is known to be heard, so that nothing in it is older than the lease allows. Pure: time
comes with each call, in seconds of one monotonic clock, and whoever reads the feed tells it what was heard.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final

from shared.cache.keys import object_type
from shared.cache.record import Entry
from shared.cache.stats import LocalCounts

OVERHEAD: Final = 1024
"""Bytes that an entry costs beside its own: its records, its keys in the tables."""
WAYS: Final = 8
"""In so many ways an entry is kept ready to be sent: by codings, and by orders of the query."""
WAY: Final = 1536
"""Bytes that each of them costs: its headers, and what it is found by."""

Key = tuple[str, str]
"""An object and one variant of it."""


class Held:
    """One entry as this process keeps it. `coded` are its bytes in other content codings, each made once.

    `refresh_at` is when its first reader should have it made anew, before it ends at `expires`. `ready` is what those
    who serve it have made of it, each of a few WAY bytes.
    """

    __slots__ = ("coded", "counts", "entry", "expires", "key", "ready", "refresh_at", "size")

    def __init__(self, key: Key, entry: Entry, expires: float, refresh_at: float, counts: LocalCounts) -> None:
        self.key = key
        self.entry = entry
        self.expires = expires
        self.refresh_at = refresh_at
        self.counts = counts
        self.coded: dict[str, bytes] = {}
        self.ready: dict[Any, Any] = {}
        self.size = OVERHEAD + len(key[0]) + len(key[1]) + len(entry.body)


class Flight:
    """One question to the second level, from before it is asked. `floor` is the highest version announced meanwhile."""

    __slots__ = ("epoch", "floor", "obj")

    def __init__(self, obj: str, epoch: int) -> None:
        self.obj = obj
        self.epoch = epoch
        self.floor = 0


class LocalCache:
    """Holds `capacity` bytes at most, the least recently used go first; objects of the types `strict` never enter.

    `fresh_until` is set by the feed: until then, and no longer, what is held may be served. `epoch` grows whenever the
    feed is lost or found, and what was asked for in an earlier one is not kept.
    """

    def __init__(self, capacity: int, *, strict: Iterable[str] = ()) -> None:
        self.fresh_until = 0.0
        self.size = 0
        self.epoch = 0
        self.counts: dict[str, LocalCounts] = {}
        self.capacity = capacity
        self._strict = frozenset(strict)
        self._listening = False
        self._held: OrderedDict[Key, Held] = OrderedDict()
        self._variants: dict[str, dict[Key, Held]] = {}
        self._flights: dict[str, set[Flight]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def get(self, key: Key, least: int, now: float) -> Held | None:
        """Return what is held of at least version `least`, or None; both are counted."""
        held = self.serve(key, least, now)
        if held is not None:
            held.counts.hits += 1
        else:
            self._of(object_type(key[0])).misses += 1
        return held

    def serve(self, key: Key, least: int, now: float) -> Held | None:
        """Return what `get` does, without counting it."""
        held = self._held.get(key)
        if held is None or not self._serves(held, least, now):
            return None
        self._held.move_to_end(key)
        return held

    def shown(self, obj: str, now: float) -> int | None:
        """Return the lowest version of the object that `serve` would give away now, None when it would give none."""
        return min((each.entry.version for each in self.serving(obj, now)), default=None)

    def serving(self, obj: str, now: float) -> list[Held]:
        """Return what `serve` would give away of the object now.

        It is for who checks this cache: nothing is counted, and nothing is kept longer for it.
        """
        return [each for each in list(self._variants.get(obj, {}).values()) if self._serves(each, 0, now)]

    def objects(self) -> list[str]:
        """Return the names of the objects of which something is held, whether or not it may be served."""
        return list(self._variants)

    def _serves(self, held: Held, least: int, now: float) -> bool:
        """Say whether it may be served; what has ended is dropped."""
        if now >= self.fresh_until or held.entry.version < least:
            return False
        if now >= held.expires:
            self._drop(held)
            return False
        return True

    def peek(self, key: Key) -> Held | None:
        """Return what is held, which may be too old to be served."""
        return self._held.get(key)

    def begin(self, obj: str) -> Flight:
        """Watch from now on for announcements about `obj`, until `end`; before the second level is asked for it."""
        flight = Flight(obj, self.epoch)
        self._flights.setdefault(obj, set()).add(flight)
        return flight

    def end(self, flight: Flight) -> None:
        """Watch no longer."""
        flying = self._flights[flight.obj]
        flying.discard(flight)
        if not flying:
            del self._flights[flight.obj]

    def keep(self, flight: Flight, variant: str, entry: Entry, expires: float, refresh_at: float) -> Held | None:
        """Keep what the second level gave or accepted on this flight; None when it is not kept.

        It is not when its invalidation came first, when the feed was lost meanwhile, when something newer is held, when
        its type is strict or when it alone would take more than a quarter of the room.
        """
        key = (flight.obj, variant)
        kind = object_type(flight.obj)
        if kind in self._strict or not self._current(flight) or entry.version < flight.floor:
            return None
        there = self._held.get(key)
        if there is not None and there.entry.version > entry.version:
            return None
        held = Held(key, entry, expires, refresh_at, self._of(kind))
        if held.size > self.capacity // 4:
            return None
        if there is not None:
            self._drop(there)
        self._held[key] = held
        self._variants.setdefault(flight.obj, {})[key] = held
        self.size += held.size
        self._shrink()
        return held

    def coded(self, held: Held, coding: str, body: bytes) -> None:
        """Keep the entry's bytes in one more content coding."""
        held.coded[coding] = body
        self._grow(held, len(body))

    def prepared(self, held: Held, way: object, ready: object) -> None:
        """Keep what has been made of the entry for those who ask in one way, the bytes of its body left out."""
        if len(held.ready) >= WAYS:
            self._grow(held, -WAY * len(held.ready))
            held.ready.clear()
        held.ready[way] = ready
        self._grow(held, WAY)

    def raised(self, obj: str, version: int) -> None:
        """Drop what is older than `version` of the object, now and when it comes from a flight under way."""
        for held in list(self._variants.get(obj, {}).values()):
            if held.entry.version < version:
                self._drop(held)
        for flight in self._flights.get(obj, ()):
            flight.floor = max(flight.floor, version)

    def opened(self) -> None:
        """The feed is heard from now on: what is asked for from now on may be kept."""
        self._begin_epoch()
        self._listening = True

    def lost(self) -> None:
        """The feed is lost: forget all of it, serve nothing and keep nothing until it is heard again."""
        self._begin_epoch()
        self._listening = False

    def _begin_epoch(self) -> None:
        self.epoch += 1
        self.fresh_until = 0.0
        self.size = 0
        self._held.clear()
        self._variants.clear()

    def _current(self, flight: Flight) -> bool:
        return self._listening and flight.epoch == self.epoch

    def _of(self, kind: str) -> LocalCounts:
        counts = self.counts.get(kind)
        if counts is None:
            counts = self.counts[kind] = LocalCounts()
        return counts

    def _grow(self, held: Held, size: int) -> None:
        if self._held.get(held.key) is held:
            held.size += size
            self.size += size
            self._shrink()

    def _shrink(self) -> None:
        while self.size > self.capacity:
            oldest = next(iter(self._held.values()))
            self._drop(oldest)
            oldest.counts.evictions += 1

    def _drop(self, held: Held) -> None:
        del self._held[held.key]
        self.size -= held.size
        variants = self._variants[held.key[0]]
        del variants[held.key]
        if not variants:
            del self._variants[held.key[0]]

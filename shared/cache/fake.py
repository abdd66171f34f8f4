"""The cache protocol in memory, for tests: it answers as the real store does and can lose what a server can lose."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import count
from typing import NamedTuple

from shared.cache.keys import object_type
from shared.cache.opening import OPENING_SECONDS, Opening
from shared.cache.orphans import is_orphan, lease_of, read_lease
from shared.cache.plain import EVERY_VERSION, Forgotten, checked_pattern
from shared.cache.record import Entry, Head, State, StoredEntry, check_version, servable
from shared.cache.results import (
    Bypass,
    BypassReason,
    CacheUnavailable,
    FillOutcome,
    Hit,
    Invalidated,
    Lookup,
    Miss,
    RaiseOutcome,
)
from shared.cache.stats import CacheStats
from shared.contracts.objects import KEEPERS, Keeper, keeper_of


class Kept(NamedTuple):
    """All that the server holds."""

    states: dict[Keeper, State]
    begun: dict[Keeper, float]
    heads: dict[str, Head]
    entries: dict[str, dict[str, StoredEntry]]


class FakeCacheStore:
    """A store that is open from the start; with `opened=False` closed, as a new server is.

    Nothing expires by itself. `reachable` may be set to False and back, as when the server is gone for a while.
    Each of `listeners` is told what the feed brings, `<version> <object>`. `clock` is in seconds.
    """

    def __init__(self, *, opened: bool = True, clock: Callable[[], float] = time.monotonic) -> None:
        self.stats = CacheStats()
        self.found_closed = asyncio.Event()
        self.reachable = True
        self.listeners: list[Callable[[str], None]] = []
        self._clock = clock
        self._lives: Iterator[int] = count(1)
        self._run_id = "process-0"
        self._states: dict[Keeper, State] = {}
        self._begun: dict[Keeper, float] = {}
        self._heads: dict[str, Head] = {}
        self._entries: dict[str, dict[str, StoredEntry]] = {}
        if opened:
            self._states = {keeper: State("open", self._run_id, "opened") for keeper in KEEPERS}

    @property
    def connected(self) -> bool:
        """Whether it is reachable."""
        return self.reachable

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Look for an entry of at least `min_version`."""
        object_type(obj)
        result = self._look_up(obj, variant, check_version(min_version))
        self.stats.looked_up(obj, result)
        return result

    async def fill(self, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
        """Offer what the database answered after `lease` was given."""
        object_type(obj)
        check_version(entry.version)
        outcome = self._offer(obj, variant, lease, entry) if self.reachable else FillOutcome.UNREACHABLE
        self.stats.filled(obj, outcome)
        return outcome

    async def invalidate(self, versions: Mapping[str, int]) -> Invalidated:
        """Announce that each object has reached its version. Raises CacheUnavailable when not reachable."""
        _check(versions)
        self._must_be_reachable()
        heads = raised = removed = 0
        for obj, version in versions.items():
            self.stats.invalidated(obj)
            state = self._state(obj)
            head = None if state is None else self._head(obj, state)
            if head is not None:
                heads += 1
                raised += version > head.floor
                head = self._heads[obj] = self._confirmed(head, version)
            removed += self._purge(obj, head)
            self._tell(version, obj)
        return Invalidated(heads, raised, removed)

    async def fill_for(self, obj: str, variant: str, lease: str, entry: Entry, seconds: float) -> FillOutcome:
        """Offer an entry; it does not end by itself."""
        return await self.fill(obj, variant, lease, entry)

    async def forget(self, objects: Iterable[str]) -> Forgotten:
        """Give each object a new lineage and remove its entries. Raises CacheUnavailable when not reachable."""
        names = list(dict.fromkeys(objects))
        _check(dict.fromkeys(names, EVERY_VERSION))
        self._must_be_reachable()
        forgotten = Forgotten()
        for obj in names:
            self.stats.invalidated(obj)
            state = self._state(obj)
            head = None if state is None else self._head(obj, state)
            if state is not None and head is not None:
                self._heads[obj] = replace(head, lineage=self._new_head(state).lineage)
            forgotten += Forgotten(head is not None, len(self._entries.pop(obj, {})))
            self._tell(EVERY_VERSION, obj)
        return forgotten

    async def listed(self, pattern: str) -> AsyncIterator[list[str]]:
        """Yield the objects whose names match. Raises CacheUnavailable when not reachable."""
        checked_pattern(pattern)
        self._must_be_reachable()
        yield [obj for obj in self._heads if fnmatchcase(obj, pattern)]

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Raise the floor of each object to its version. Raises CacheUnavailable when not reachable."""
        _check(versions)
        if not self.reachable:
            self.stats.raised(dict.fromkeys(versions, RaiseOutcome.UNANSWERED))
        self._must_be_reachable()
        for obj, version in versions.items():
            state = self._state(obj)
            self.stats.raised({obj: RaiseOutcome.CLOSED if state is None else RaiseOutcome.DONE})
            if state is None:
                self.found_closed.set()
            else:
                head = self._head(obj, state) or self._new_head(state)
                by, floor = (writer, version) if version >= head.floor else (head.raised_by, head.floor)
                self._heads[obj] = replace(head, floor=floor, raised_by=by, touched_ms=self._now_ms())
            self._tell(version, obj)
        return True

    async def take_back(self, versions: Mapping[str, int], writer: str) -> None:
        """Forget the heads whose floor is still that of this writer; without a connection do nothing."""
        _check(versions)
        if not self.reachable:
            return
        for obj, version in versions.items():
            state = self._state(obj)
            head = None if state is None else self._head(obj, state)
            if head is not None and head.floor == version and head.raised_by == writer:
                del self._heads[obj]

    async def is_open(self, keeper: Keeper) -> bool:
        """Whether the state is open. Raises CacheUnavailable when not reachable."""
        self._must_be_reachable()
        state = self._current(keeper)
        return state is not None and state.status == "open"

    async def begin(self, keeper: Keeper) -> Opening | None:
        """Set the state to opening, if it is closed or was left there. Raises CacheUnavailable when not reachable."""
        self._must_be_reachable()
        state = self._current(keeper)
        if state is not None and (state.status == "open" or 0 <= self._clock() - self._begun[keeper] < OPENING_SECONDS):
            return None
        opening = Opening(keeper, self._run_id, f"incarnation-{next(self._lives)}")
        self._states[keeper] = State("opening", opening.run_id, opening.incarnation)
        self._begun[keeper] = self._clock()
        return opening

    async def finish(self, opening: Opening) -> bool:
        """Set the state to open, if it is still this opening. Raises CacheUnavailable when not reachable."""
        self._must_be_reachable()
        state = self._current(opening.keeper)
        if state != State("opening", opening.run_id, opening.incarnation):
            return False
        self._states[opening.keeper] = replace(state, status="open")
        return True

    async def ping(self) -> bool:
        """Return whether it is reachable."""
        return self.reachable

    async def close(self) -> None:
        """Hold no connection, release none."""

    def wipe(self) -> None:
        """Lose everything, state included, as a server whose memory is flushed."""
        self.roll_back(Kept({}, {}, {}, {}))

    def restart(self) -> None:
        """Become another process that holds what this one held, as with a server that keeps its data on disk."""
        self._run_id = f"process-{next(self._lives)}"

    def keep(self) -> Kept:
        """Return a copy of all it holds."""
        return deepcopy(Kept(self._states, self._begun, self._heads, self._entries))

    def roll_back(self, kept: Kept) -> None:
        """Hold again what it held earlier. A server that does so is another process: `restart` as well."""
        self._states, self._begun, self._heads, self._entries = deepcopy(kept)

    def evict_head(self, obj: str) -> None:
        """Lose the object's head and nothing else."""
        self._heads.pop(obj, None)

    def evict_entry(self, obj: str, variant: str) -> None:
        """Lose one entry and nothing else."""
        self._entries.get(obj, {}).pop(variant, None)

    def evict_state(self, keeper: Keeper) -> None:
        """Lose a keeper's state and nothing else."""
        self._states.pop(keeper, None)

    def _look_up(self, obj: str, variant: str, min_version: int) -> Lookup:
        if not self.reachable:
            return Bypass(BypassReason.UNREACHABLE)
        state = self._state(obj)
        if state is None or state.status != "open":
            return Bypass(BypassReason.CLOSED)
        head = self._head(obj, state)
        if head is None:
            head = self._heads[obj] = self._new_head(state)
        stored = self._entries.get(obj, {}).get(variant)
        if stored is not None and servable(head, stored, min_version):
            return Hit(stored.entry)
        return Miss(lease_of(head.lineage, self._now_ms()))

    def _offer(self, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
        state = self._state(obj)
        if state is None or state.status != "open":
            return FillOutcome.CLOSED
        lineage, taken_ms = read_lease(lease)
        head = self._head(obj, state)
        if head is None:
            return FillOutcome.HEAD_GONE
        if head.lineage != lineage:
            return FillOutcome.LINEAGE
        if entry.version < head.floor:
            if not self._is_orphan(head, taken_ms):
                return FillOutcome.FLOOR
            self._heads[obj] = replace(head, floor=entry.version, raised_by="")
            self.stats.orphaned(obj)
        there = self._entries.get(obj, {}).get(variant)
        if there is not None and there.lineage == lineage and there.entry.version > entry.version:
            return FillOutcome.OLDER
        self._entries.setdefault(obj, {})[variant] = StoredEntry(lineage, entry)
        return FillOutcome.STORED

    def _is_orphan(self, head: Head, taken_ms: int) -> bool:
        return is_orphan(head.touched_ms, taken_ms)

    def _purge(self, obj: str, head: Head | None) -> int:
        """Remove the entries below the head's floor, all without a head; return how many."""
        entries = self._entries.get(obj, {})
        dead = [name for name, held in entries.items() if head is None or held.entry.version < head.floor]
        for name in dead:
            del entries[name]
        return len(dead)

    def _confirmed(self, head: Head, version: int) -> Head:
        """Return the head after an event: a floor that it reaches is nobody's to take back."""
        if version < head.floor:
            return head
        touched_ms = self._now_ms() if version > head.floor else head.touched_ms
        return replace(head, floor=version, raised_by="", touched_ms=touched_ms)

    def _new_head(self, state: State) -> Head:
        return Head(f"{state.incarnation}.life-{next(self._lives)}", 0)

    def _head(self, obj: str, state: State) -> Head | None:
        head = self._heads.get(obj)
        return head if head is not None and head.belongs_to(state.incarnation) else None

    def _state(self, obj: str) -> State | None:
        return self._current(keeper_of(object_type(obj)))

    def _current(self, keeper: Keeper) -> State | None:
        """Return the state, None when it is closed."""
        state = self._states.get(keeper)
        return state if state is not None and state.run_id == self._run_id else None

    def _tell(self, version: int, obj: str) -> None:
        for listener in self.listeners:
            listener(f"{version} {obj}")

    def _must_be_reachable(self) -> None:
        if not self.reachable:
            raise CacheUnavailable("the cache server does not answer")

    def _now_ms(self) -> int:
        return int(1000 * self._clock())


def _check(versions: Mapping[str, int]) -> None:
    for obj, version in versions.items():
        object_type(obj)
        check_version(version)

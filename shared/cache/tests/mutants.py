"""Caches that are wrong in ways often seen, to show that the tests can tell."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import repeat
from typing import Final

from shared.cache.fake import FakeCacheStore
from shared.cache.opening import Opening
from shared.cache.record import Entry, Head, State, StoredEntry
from shared.cache.results import FillOutcome, Hit, Invalidated, Lookup, Miss
from shared.contracts.objects import KEEPERS, Keeper


class DeleteOnEvent(FakeCacheStore):
    """Cache-aside as usually written: an event deletes the object's entries, a reader stores what it has read."""

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Serve what is there."""
        stored = self._entries.get(obj, {}).get(variant)
        if stored is None or stored.entry.version < min_version:
            return Miss("")
        return Hit(stored.entry)

    async def fill(self, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
        """Store whatever comes."""
        self._entries.setdefault(obj, {})[variant] = StoredEntry("", entry)
        return FillOutcome.STORED

    async def invalidate(self, versions: Mapping[str, int]) -> Invalidated:
        """Delete."""
        for obj in versions:
            self._entries.pop(obj, None)
        return Invalidated()


class FloorsOnly(FakeCacheStore):
    """Floors without lineage: every head has the same life, so a lease outlives the head that knew the floor."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        super().__init__(opened=False, clock=clock)
        self._lives = repeat(1)
        self._states = {keeper: State("open", self._run_id, "incarnation-1") for keeper in KEEPERS}


class IgnoresTokens(FakeCacheStore):
    """Does not look at the version that the reader must see."""

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Drop `min_version`."""
        return await super().get(obj, variant)


class LastEventWins(FakeCacheStore):
    """Takes the floor from the latest event rather than the highest."""

    async def invalidate(self, versions: Mapping[str, int]) -> Invalidated:
        """Forget the floor first."""
        for obj in versions.keys() & self._heads.keys():
            self._heads[obj] = Head(self._heads[obj].lineage, 0)
        return await super().invalidate(versions)


class TakesBackAnybodys(FakeCacheStore):
    """Takes back a floor whoever raised it last."""

    async def take_back(self, versions: Mapping[str, int], writer: str) -> None:
        """Compare versions only."""
        for obj, version in versions.items():
            if obj in self._heads and self._heads[obj].floor == version:
                del self._heads[obj]


class FirstRaiseOwns(FakeCacheStore):
    """Leaves an equal floor with who raised it first."""

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Keep the owner."""
        owners = {obj: self._heads[obj] for obj in versions if obj in self._heads}
        await super().raise_(versions, writer)
        for obj, before in owners.items():
            if before.floor == versions[obj] and before.raised_by and obj in self._heads:
                self._heads[obj] = replace(self._heads[obj], raised_by=before.raised_by)
        return True


class AnyProcess(FakeCacheStore):
    """Does not look under which process of the server the state was set."""

    def _current(self, keeper: Keeper) -> State | None:
        return self._states.get(keeper)


class ServesWhileOpening(FakeCacheStore):
    """Takes an opening for open."""

    async def begin(self, keeper: Keeper) -> Opening | None:
        """Say that it is open at once."""
        opening = await super().begin(keeper)
        if opening is not None:
            self._states[keeper] = replace(self._states[keeper], status="open")
        return opening

    async def finish(self, opening: Opening) -> bool:
        """Say that it is."""
        return await self.is_open(opening.keeper)


class RaisesNothingWhileOpening(FakeCacheStore):
    """Takes an opening for closed when a floor is raised: the opener does not wait for who began after it."""

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Leave it to the opener."""
        for obj in versions:
            state = self._state(obj)
            if state is not None and state.status == "opening":
                return True
        return await super().raise_(versions, writer)


class KeepsOldHeads(FakeCacheStore):
    """Forgets nothing when it is opened anew."""

    def _head(self, obj: str, state: State) -> Head | None:
        return self._heads.get(obj)


class RaisesOnlyWhatWasRead(FakeCacheStore):
    """Makes no head for a floor: a reader makes one between raise and commit, and knows no floor."""

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Skip what has no head."""
        return await super().raise_({obj: version for obj, version in versions.items() if obj in self._heads}, writer)


class DropsAnyFloor(FakeCacheStore):
    """Takes every floor above what a reader offers for one that nobody stands behind."""

    def _is_orphan(self, head: Head, taken_ms: int) -> bool:
        return True


class ForgetsByItsOwnClock(FakeCacheStore):
    """Asks how long ago a floor was raised, and not whether the reader began after that."""

    def _is_orphan(self, head: Head, taken_ms: int) -> bool:
        return super()._is_orphan(head, self._now_ms())


class IgnoresLowerRaises(FakeCacheStore):
    """A raise below the floor leaves no trace, so that the floor seems to be nobody's while somebody writes."""

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Skip those below."""
        return await super().raise_(
            {
                obj: version
                for obj, version in versions.items()
                if obj not in self._heads or version >= self._heads[obj].floor
            },
            writer,
        )


ALL: Final = (
    DeleteOnEvent,
    FloorsOnly,
    IgnoresTokens,
    LastEventWins,
    TakesBackAnybodys,
    FirstRaiseOwns,
    AnyProcess,
    ServesWhileOpening,
    RaisesNothingWhileOpening,
    KeepsOldHeads,
    RaisesOnlyWhatWasRead,
    DropsAnyFloor,
    ForgetsByItsOwnClock,
)
"""Those that a search must find. A database whose versions go up by one leaves no floor for IgnoresLowerRaises."""

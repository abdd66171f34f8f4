"""The cache for other code: plain values by name, kept for a while, and no word of versions.

What that means here, where everything else is exact: a plain value stands in no database whose writes raise a floor,
so nothing tells the cache that it has changed but whoever calls `delete`. Until then, or until its time is over, it is
served as it is. `delete` begins a new lineage: a value whose making began before is refused, so that what was deleted
does not come back. A value made after a write was committed, and before `delete` was called for it, may still be one
that was made before the write. Who needs more gives the value an object with a version; see docs/cache.md.

A value is an entry of version 0 under the object `app:<name>`, served while the cache is open for the objects that the
backtest service keeps. The user of the cache server needs the rights of the gateway and of the invalidator.
"""

import math
import random as randomness
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

import msgspec

from shared.cache.flights import Flights
from shared.cache.keys import APP
from shared.cache.plain import Forgotten, PlainStore
from shared.cache.record import Entry
from shared.cache.results import Bypass, BypassReason, FillOutcome, Hit, Lookup, Miss
from shared.cache.settings import JITTER
from shared.cache.stats import TypeCounts
from shared.contracts.objects import objects_of_strategy, objects_of_user

T = TypeVar("T")
D = TypeVar("D")

TTL: Final = 300.0
NEGATIVE_TTL: Final = 30.0

_VALUE: Final = "value"
_MEDIA_TYPE: Final = "application/msgpack"


class CacheReport(NamedTuple):
    """This process's own use of the cache since it began: all of it, and by object type."""

    connected: bool
    total: TypeCounts
    types: dict[str, TypeCounts]


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    """A value as it is stored; it ends at `expires`, in Unix seconds, and took `took` seconds to make."""

    expires: float
    took: float
    value: msgspec.Raw


class _Value(NamedTuple, Generic[T]):
    value: T
    due: bool


class _Seen(NamedTuple, Generic[T]):
    found: Lookup
    held: _Value[T] | None


class PlainCache:
    """On top of a store. `clock` is in Unix seconds, `random` gives a number in [0, 1).

    Names are up to 124 letters, digits and `._:-`; anything else is a ValueError. Values are what msgspec can write as
    MessagePack. Times to live are in seconds, and differ by up to 10 % so that what came together does not end
    together.
    """

    def __init__(
        self,
        store: PlainStore,
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._flights = Flights()

    async def get(self, name: str, kind: type[T], default: D = None) -> T | D:  # type: ignore[assignment]
        """Return the value, or `default`: there is none, it is not of this kind, or the cache takes no part now."""
        found = self._read(await self._store.get(_object(name), _VALUE), kind)
        return default if found is None else found.value

    async def set(self, name: str, value: object, *, ttl: float = TTL) -> bool:
        """Replace what is there; True when it is stored.

        False: what was there is gone, and the value was not accepted (no room, or another `set` or `delete` came
        between). Who calls it once the value's source has changed is sure that nothing made before is served; of two
        calls at once either may be the one that stays. Raises CacheUnavailable as `delete` does.
        """
        obj = _object(name)
        await self._store.forget([obj])
        found = await self._store.get(obj, _VALUE, min_version=1)
        if not isinstance(found, Miss):
            return False
        return await self._offer((obj, _VALUE), found.lease, value, 0.0, ttl) is FillOutcome.STORED

    async def delete(self, *names: str) -> None:
        """Forget values, and all that functions under these names have returned; and what is being made of them.

        Raises CacheUnavailable when they may still be there: call it again.
        """
        await self._store.forget([_object(name) for name in names])

    async def through(
        self,
        name: str,
        variant: str,
        kind: type[T],
        make: Callable[[], Awaitable[T]],
        *,
        ttl: float = TTL,
        negative_ttl: float = NEGATIVE_TTL,
    ) -> T:
        """Return the value of one variant of a name, made when there is none. Raises what `make` raises.

        A None is kept for `negative_ttl`. Of those in this process who find nothing one makes the value, and the others
        look again when he has stored it; who is served shortly before its end may be the one to make it anew. While the
        cache is away they share what is made after they have asked.
        """
        place = (_object(name), variant)

        async def look() -> _Seen[T]:
            found = await self._store.get(*place)
            return _Seen(found, self._read(found, kind))

        seen = await self._flights.settled(place, await look(), _is_wanting, look)
        found, held = seen
        if held is not None and (not held.due or place in self._flights):
            return held.value
        if isinstance(found, Bypass) and found.reason is not BypassReason.DISABLED:
            return await self._flights.together(place, make)
        return await self._make(place, found, make, ttl, min(ttl, negative_ttl))

    async def invalidate_strategy_cache(self, strategy_id: str) -> Forgotten:
        """Forget every answer about a strategy, its versions, and the lists that are its own.

        Reads are exact without it: it is for operators who doubt that, and for data that was changed past the services.
        The lists of its owner are the user's. Raises CacheUnavailable.
        """
        return await self._store.forget(objects_of_strategy(strategy_id))

    async def invalidate_user_cache(self, user_id: str) -> Forgotten:
        """Forget every answer about a user, and all lists of theirs; as with strategies. Raises CacheUnavailable."""
        return await self._store.forget(objects_of_user(user_id))

    def get_stats(self) -> CacheReport:
        """Return what this process did with the cache, of every type that it has used."""
        types = self._store.stats.snapshot()
        return CacheReport(self._store.connected, _sum(types.values()), types)

    async def _make(
        self,
        place: tuple[str, str],
        found: Lookup,
        make: Callable[[], Awaitable[T]],
        ttl: float,
        negative_ttl: float,
    ) -> T:
        land = self._flights.take_off(place)
        try:
            if isinstance(found, Hit):  # it is to be replaced: no entry is of version 1, and a miss gives the lease
                found = await self._store.get(*place, min_version=1)
            began = self._clock()
            value = await make()
            if isinstance(found, Miss):
                life = negative_ttl if value is None else ttl
                await self._offer(place, found.lease, value, self._clock() - began, life)
            return value
        finally:
            land()

    async def _offer(self, place: tuple[str, str], lease: str, value: object, took: float, ttl: float) -> FillOutcome:
        seconds = ttl * (1 - JITTER + 2 * JITTER * self._random())
        kept = _Kept(self._clock() + seconds, took, msgspec.Raw(msgspec.msgpack.encode(value)))
        entry = Entry(0, "", "", msgspec.msgpack.encode(kept), media_type=_MEDIA_TYPE)
        return await self._store.fill_for(*place, lease, entry, seconds)

    def _read(self, found: Lookup, kind: type[T]) -> _Value[T] | None:
        if not isinstance(found, Hit):
            return None
        try:
            kept = _KEPT.decode(found.entry.body)
            value = cast("T", _decoder(cast("Any", kind)).decode(kept.value))
        except msgspec.MsgspecError:  # written by a release that knew another kind
            return None
        now = self._clock()
        if now >= kept.expires:
            return None
        # XFetch (Vattani et al. 2015): the longer it takes to make and the nearer its end, the likelier.
        return _Value(value, now - kept.took * math.log(1 - self._random()) >= kept.expires)


_KEPT = msgspec.msgpack.Decoder(_Kept)


def _is_wanting(seen: _Seen[Any]) -> bool:
    return seen.held is None and not isinstance(seen.found, Bypass)


@lru_cache(256)
def _decoder(kind: Any) -> msgspec.msgpack.Decoder[Any]:  # noqa: ANN401
    return msgspec.msgpack.Decoder(kind)


def _object(name: str) -> str:
    return f"{APP}:{name}"


def _sum(counts: Iterable[TypeCounts]) -> TypeCounts:
    total = TypeCounts()
    for each in counts:
        for field in TypeCounts.__dataclass_fields__:
            theirs, ours = getattr(each, field), getattr(total, field)
            if isinstance(theirs, dict):
                for reason, count in theirs.items():
                    ours[reason] = ours.get(reason, 0) + count
            else:
                setattr(total, field, ours + theirs)
    return total

"""The cache protocol on Redis 7 or Valkey 8 and newer: pipelines and scripts, on one connection."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, cast

from redis.exceptions import ResponseError

from shared.cache import scripts
from shared.cache.connection import checked, packed
from shared.cache.exchange import Argument, Exchange
from shared.cache.keys import entry_key, head_key, variant_segment, variants_key
from shared.cache.orphans import lease_of, read_lease
from shared.cache.record import (
    ENTRY_FIELDS,
    HEAD_FIELDS,
    STATE_FIELDS,
    Entry,
    check_version,
    decode_entry,
    decode_head,
    decode_state,
    encode_entry,
    served,
)
from shared.cache.redis_floors import RedisFloors, new_nonce, state_of
from shared.cache.redis_openings import RedisOpenings
from shared.cache.redis_plain import RedisForgetting
from shared.cache.results import (
    Bypass,
    BypassReason,
    CacheUnavailable,
    FillOutcome,
    Hit,
    Invalidated,
    Lookup,
    Miss,
)
from shared.cache.settings import CacheSettings
from shared.cache.stats import CacheStats

# Readers choose the variants of a list (cursors, filters), so their number per object must have an end.
MAX_VARIANTS: Final = 512

PLANS_KEPT: Final = 4096
"""Of so many lookups the commands are remembered, a few hundred bytes each."""

Values = list[bytes | None]


class Plan(NamedTuple):
    """One lookup: the object and its keys, and the commands of the hit path as they go over the wire."""

    obj: str
    state: str
    head: str
    entry: str
    commands: bytes


@lru_cache(maxsize=PLANS_KEPT)
def plan_of(obj: str, variant: str) -> Plan:
    """Return the plan for one variant of an object. Raises InvalidObject.

    The state first: it tells whether the object was served when the read began. The entry before the head: a head
    read after it can only be newer, so an entry that passes was servable at that moment.
    """
    state, head, entry = state_of(obj), head_key(obj), entry_key(obj, variant)
    commands = (
        packed(("HMGET", state, *STATE_FIELDS))
        + packed(("HMGET", entry, *ENTRY_FIELDS))
        + packed(("HMGET", head, *HEAD_FIELDS))
    )
    return Plan(obj, state, head, entry, commands)


class RedisCacheStore(RedisFloors, RedisOpenings, RedisForgetting):
    """A store on one server. `clock` is in seconds; `nonce` names a new head's life and must never repeat.

    After a failure readers get Bypass without touching the network; a PING in the background finds the server back.
    Invalidations and openings always try.
    """

    def __init__(
        self,
        settings: CacheSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        nonce: Callable[[], str] = new_nonce,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.stats = CacheStats()
        self.found_closed = asyncio.Event()
        self._settings = settings
        self._head_ttl = settings.head_ttl_ms()
        self._server = Exchange(settings, clock)
        self._nonce = nonce
        self._jitter = jitter

    @property
    def connected(self) -> bool:
        """Whether the last exchange with the cache server succeeded."""
        return self._server.working

    async def get(self, obj: str, variant: str, *, min_version: int = 0) -> Lookup:
        """Look for an entry of at least `min_version`. Raises ValueError for an object or version that cannot be."""
        result = await self._look_up(plan_of(obj, variant), check_version(min_version))
        self.stats.looked_up(obj, result)
        return result

    async def fill(self, obj: str, variant: str, lease: str, entry: Entry) -> FillOutcome:
        """Offer what the database answered after `lease` was given. Raises ValueError as `get` does."""
        return await self._fill(
            obj, variant, lease, entry, self._settings.entry_ttl_ms(obj, entry.status, self._jitter)
        )

    async def fill_for(self, obj: str, variant: str, lease: str, entry: Entry, seconds: float) -> FillOutcome:
        """Offer an entry as `fill` does, to be kept for this long at most."""
        return await self._fill(obj, variant, lease, entry, max(1, round(1000 * seconds)))

    async def _fill(self, obj: str, variant: str, lease: str, entry: Entry, ttl: int) -> FillOutcome:
        version, segment = check_version(entry.version), variant_segment(variant)
        lineage, taken_ms = read_lease(lease)
        outcome = await self._offer(
            obj,
            (state_of(obj), head_key(obj), entry_key(obj, variant), variants_key(obj)),
            (
                *(lineage, taken_ms, version, ttl, self._head_ttl, segment, MAX_VARIANTS),
                *encode_entry(lineage, entry),
            ),
        )
        self.stats.filled(obj, outcome)
        return outcome

    async def invalidate(self, versions: Mapping[str, int]) -> Invalidated:
        """Announce that each object has reached its version, many in one pipeline.

        Raises CacheUnavailable when that may not have reached every object; ValueError as `get` does.
        """
        if not versions:
            return Invalidated()
        calls = [
            ((state_of(obj), head_key(obj), variants_key(obj)), (check_version(version), self._head_ttl, obj))
            for obj, version in versions.items()
        ]
        try:
            replies = await self._server.ask(self._server.run, scripts.INVALIDATE, calls)
        except ResponseError as error:
            raise CacheUnavailable(f"the cache server refused an invalidation: {error}") from error
        for obj in versions:
            self.stats.invalidated(obj)
        return Invalidated(*(sum(column) for column in zip(*cast("list[list[int]]", replies), strict=True)))

    async def ping(self) -> bool:
        """Ask the server whether it is there, whatever the breaker says."""
        return await self._server.ping()

    async def close(self) -> None:
        """End the probe and the connection."""
        await self._server.close()

    async def _look_up(self, plan: Plan, min_version: int) -> Lookup:
        if not self._server.usable():
            return Bypass(BypassReason.UNREACHABLE)
        try:
            return await self._server.ask(self._find, plan, min_version)
        except CacheUnavailable:
            return Bypass(BypassReason.UNREACHABLE)
        except ResponseError:
            return Bypass(BypassReason.REFUSED)

    async def _find(self, plan: Plan, min_version: int) -> Lookup:
        line = await self._server.line()
        state_values, entry_values, head_values = cast("list[Values]", checked(await line.ask(plan.commands, 3)))
        state = decode_state(state_values, line.run_id)
        if state is None or state.status != "open":
            return Bypass(BypassReason.CLOSED)
        stored = decode_entry(entry_values)
        if stored is not None and served(state, decode_head(head_values), stored, min_version):
            return Hit(stored.entry)
        return await self._find_or_begin(plan, min_version)

    async def _find_or_begin(self, plan: Plan, min_version: int) -> Lookup:
        """Look once more in one step, and make the head if there is none."""
        call = (
            (plan.state, plan.head, plan.entry),
            (self._nonce(), self._settings.lease_ttl_ms(plan.obj), min_version, *ENTRY_FIELDS),
        )
        (reply,) = cast("list[list[bytes]]", await self._server.run(scripts.GET, [call]))
        match reply:
            case [b"CLOSED"]:
                return Bypass(BypassReason.CLOSED)
            case [b"HIT", *values]:
                stored = decode_entry(values)
                # One that cannot be read is filled over; with a lease that says nothing of when it was taken.
                return Hit(stored.entry) if stored is not None else Miss(lease_of(values[0].decode(), 0))
        _, lineage, now_ms = reply
        return Miss(lease_of(lineage.decode(), int(now_ms)))

    async def _offer(self, obj: str, keys: tuple[str, ...], arguments: tuple[Argument, ...]) -> FillOutcome:
        if not self._server.usable():
            return FillOutcome.UNREACHABLE
        try:
            (word,) = await self._server.ask(self._server.run, scripts.FILL, [(keys, arguments)])
        except CacheUnavailable:
            return FillOutcome.UNREACHABLE
        except ResponseError as error:
            return FillOutcome.FULL if str(error).startswith("OOM") else FillOutcome.REFUSED
        if word == b"orphan":
            self.stats.orphaned(obj)
            return FillOutcome.STORED
        return FillOutcome(cast("bytes", word).decode())

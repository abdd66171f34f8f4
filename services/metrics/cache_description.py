"""The cache as an administrator wants to know it: the server, its state, and how it is used."""

from collections.abc import Awaitable, Callable

from services.metrics.cache_figures import CacheProbe
from services.metrics.core.aggregate import Snapshot
from services.metrics.core.cache_types import cached_types, hit_rate
from shared.cache.opening import Openings
from shared.cache.results import CacheUnavailable
from shared.contracts.cache_messages import CacheDescription, CacheState, DescribeCache
from shared.contracts.errors import Forbidden
from shared.contracts.objects import KEEPERS, Keeper
from shared.runtime.bus.server import Answer, Call


class CacheDescriptions:
    """Asks the server when it is asked. `snapshot` returns what was measured, within the seconds it is given."""

    def __init__(self, probe: CacheProbe, openings: Openings, snapshot: Callable[[float], Awaitable[Snapshot]]) -> None:
        self._probe = probe
        self._openings = openings
        self._snapshot = snapshot

    async def describe(self, _: DescribeCache, call: Call) -> Answer:
        """Describe it, though the server may not answer. Raises Forbidden, Unavailable."""
        if call.user.role != "admin":
            raise Forbidden("This is for administrators")
        types = cached_types(await self._snapshot(call.seconds_left))
        hits, misses = sum(each.hits for each in types), sum(each.misses for each in types)
        server = await self._probe.read()
        return Answer(
            CacheDescription(
                enabled=server.enabled,
                connected=server.connected,
                used_memory_bytes=server.memory_bytes,
                total_keys=server.keys,
                state={keeper: await self._state(keeper) for keeper in KEEPERS} if server.enabled else {},
                hits=hits,
                misses=misses,
                hit_rate=hit_rate(hits, misses),
                types=types,
            )
        )

    async def _state(self, keeper: Keeper) -> CacheState:
        try:
            return "open" if await self._openings.is_open(keeper) else "closed"
        except CacheUnavailable:
            return "unknown"

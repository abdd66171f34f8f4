"""The cache as an administrator wants to know it: the server, its state as the services tell it, its use."""

from collections.abc import Awaitable, Callable

from services.metrics.cache_figures import CacheProbe
from services.metrics.core.aggregate import Snapshot
from services.metrics.core.cache_types import cache_states, cached_types, hit_rate
from shared.contracts.cache_messages import CacheDescription, DescribeCache
from shared.contracts.errors import Forbidden
from shared.runtime.bus.server import Answer, Call


class CacheDescriptions:
    """Asks the server when it is asked. `snapshot` returns what was measured, within the seconds it is given."""

    def __init__(self, probe: CacheProbe, snapshot: Callable[[float], Awaitable[Snapshot]]) -> None:
        self._probe = probe
        self._snapshot = snapshot

    async def describe(self, _: DescribeCache, call: Call) -> Answer:
        """Describe it, though the server may not answer. Raises Forbidden, Unavailable."""
        if call.user.role != "admin":
            raise Forbidden("This is for administrators")
        snapshot = await self._snapshot(call.seconds_left)
        types = cached_types(snapshot)
        l1_hits = sum(each.l1_hits for each in types)
        hits, misses = sum(each.hits for each in types), sum(each.misses for each in types)
        server = await self._probe.read()
        return Answer(
            CacheDescription(
                enabled=server.enabled,
                connected=server.connected,
                used_memory_bytes=server.memory_bytes,
                total_keys=server.keys,
                state=cache_states(snapshot) if server.enabled else {},
                l1_hits=l1_hits,
                hits=hits,
                misses=misses,
                hit_rate=hit_rate(l1_hits + hits, misses),
                types=types,
            )
        )

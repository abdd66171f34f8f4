"""How long events are kept, on the stream and in the outbox, which holds what the stream may have to be rebuilt from.

For so many days, and for as long as a registered group has not acknowledged them; but not for ever. The stream is cut
by MINID, never by MAXLEN, which knows nothing of groups; then the rows go that are not on the stream any more.
"""

import logging
from collections import Counter
from dataclasses import dataclass

from redis.asyncio import Redis

from shared.runtime.database import Connection, Database
from shared.runtime.relaying.floors import GROUPS, Floors, Group, forget, store_floors
from shared.runtime.relaying.places import Place
from shared.runtime.relaying.rebuild import shown
from shared.runtime.settings import DatabaseSettings

log = logging.getLogger(__name__)

DAY = 86_400.0
BATCH = 1000
# A worker that nobody woke has looked for itself long ago.
JOBS_SECONDS = 3600.0
MEMORY_SHARE = 4

_OLDEST = """
SELECT sequence, extract(epoch FROM now() - published_at)::float8 AS age
FROM outbox WHERE stream = $1 AND sequence IS NOT NULL ORDER BY sequence LIMIT 1
"""

_UP_TO = """
SELECT max(sequence)
FROM (
    SELECT sequence, published_at FROM outbox
    WHERE stream = $1 AND sequence <= $2 ORDER BY sequence LIMIT $3
) AS oldest
WHERE published_at <= now() - make_interval(secs => $4)
"""

_REMOVE = "DELETE FROM outbox WHERE stream = $1 AND sequence < $2 AND published_at IS NOT NULL"

# KEYS[1] stream; ARGV: the first sequence to be kept, and 1 if groups matter.
# Answers the first that is kept. In one script: a group that is made meanwhile cannot be passed.
_TRIM = (
    GROUPS
    + """
local keep = tonumber(ARGV[1])
if ARGV[2] == '1' and last(KEYS[1]) ~= -1 then
  for _, group in ipairs(groups(KEYS[1])) do
    local open = tonumber(string.match(group[3], '^%d+')) or tonumber(string.match(group[2], '^%d+')) + 1
    if open < keep then keep = open end
  end
end
redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f-0', keep))
return keep
"""
)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How many seconds events are kept in any case, and how many at most when a group has not acknowledged them."""

    kept: float = 7 * DAY
    owed: float = 30 * DAY

    @classmethod
    def of(cls, settings: DatabaseSettings) -> "Keeping":
        """Return what the settings say."""
        return cls(settings.events_kept_days * DAY, settings.events_owed_days * DAY)


class Retention:
    """Checkpoints floors, trims, and removes old rows; `dropped` counts the groups that fell too far behind.

    `removed` counts the rows, by what they were.
    """

    def __init__(self, database: Database, bus: Redis, keeping: Keeping) -> None:
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.removed: Counter[str] = Counter()
        self._database = database
        self._bus = bus
        self._keeping = keeping
        self._floors = Floors(bus)
        self._trim = bus.register_script(_TRIM)
        self._warned: set[tuple[str, bytes]] = set()

    async def keep(self, place: Place, run: str) -> bool:
        """Do what is due for one stream, a batch of it; True when there is more.

        `run` is the server's life for which the registered groups are known to have been there: a group that is
        missing in it was removed, in another it was lost.
        """
        if not place.of_events:
            async with self._database.reading() as connection:
                return await self._cut(connection, place, place.published, JOBS_SECONDS) >= BATCH
        groups = await self._floors.seen(place)
        if groups is None or await self._run() != run:
            return False
        async with self._database.reading() as connection:
            await store_floors(connection, place.stream, groups)
            return await self._keep_events(connection, place, groups)

    async def _run(self) -> str:
        return str((await self._bus.info("server")).get("run_id", ""))

    async def _keep_events(self, connection: Connection, place: Place, groups: list[Group]) -> bool:
        oldest = await connection.fetchrow(_OLDEST, place.stream)
        if oldest is None or oldest["age"] is None:
            return False
        crowded = await self._is_crowded(place.stream)
        owing = [group for group in groups if group.floor < oldest["sequence"]]
        if owing and (crowded or oldest["age"] > self._keeping.owed):
            lowest = min(group.floor for group in owing)
            fallen = [group for group in owing if group.floor == lowest] if crowded else owing
            await self._drop(connection, place.stream, fallen, "memory" if crowded else "time")
            return True
        self._warn(place.stream, owing, oldest["age"])
        kept = 0.0 if crowded else self._keeping.kept
        if owing or oldest["age"] < kept:
            return False
        acknowledged = min([place.published, *(group.floor for group in groups)])
        removed = await self._cut(connection, place, acknowledged, kept)
        return removed >= (1 if crowded else BATCH)

    async def _cut(self, connection: Connection, place: Place, highest: int, kept: float) -> int:
        """Remove what is older than `kept` seconds, up to sequence `highest` and a batch at most; return how many."""
        up_to = await connection.fetchval(_UP_TO, place.stream, highest, BATCH, kept)
        if not isinstance(up_to, int):
            return 0
        keep = await self._trim(keys=[place.stream], args=[up_to + 1, int(place.of_events)])
        removed = int((await connection.execute(_REMOVE, place.stream, keep)).rpartition(" ")[2])
        self.removed["events" if place.of_events else "wake_ups"] += removed
        return removed

    async def _is_crowded(self, stream: str) -> bool:
        """Say whether the stream takes more than its share of the server's memory."""
        memory = await self._bus.info("memory")
        limit = int(memory.get("maxmemory", 0)) or int(memory.get("total_system_memory", 0))
        return bool(limit) and int(await self._bus.memory_usage(stream) or 0) > limit / MEMORY_SHARE

    async def _drop(self, connection: Connection, stream: str, groups: list[Group], reason: str) -> None:
        for group in groups:
            await self._bus.xgroup_destroy(stream, group.name)
            await forget(connection, stream, [group.name])
            self.dropped[stream, reason] += 1
            self._warned.discard((stream, group.name))
            why = (
                f"what it owes takes more than 1/{MEMORY_SHARE} of the bus's memory"
                if reason == "memory"
                else f"what it owes is older than {self._keeping.owed / DAY:g} days"
            )
            log.error(
                "the group %s of %s is dropped: it has acknowledged up to %d, and %s",
                *(shown(group.name), stream, group.floor, why),
            )

    def _warn(self, stream: str, owing: list[Group], age: float) -> None:
        held = {(stream, group.name) for group in owing if age > self._keeping.kept}
        for _, name in held - self._warned:
            log.warning(
                "the group %s of %s has not acknowledged events of %.1f days ago: it will be dropped at %g days",
                *(shown(name), stream, age / DAY, self._keeping.owed / DAY),
            )
        self._warned = {told for told in self._warned if told[0] != stream} | held

"""What each consumer group of a stream has acknowledged: its floor, the sequence up to which nothing is open.

The bus knows it, and the database is told of it, for the day on which the bus knows nothing any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from shared.runtime.database import Connection
from shared.runtime.relaying.places import Place, sequence_of

# The floors of all groups, which TRIM needs too: {name, last delivered, first pending or ''} for each.
GROUPS = """
local function groups(key)
  local found = {}
  for _, about in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    local group = {}
    for i = 1, #about, 2 do group[about[i]] = about[i + 1] end
    local pending = redis.call('XPENDING', key, group.name, '-', '+', 1)
    found[#found + 1] = {group.name, group['last-delivered-id'], pending[1] and pending[1][1] or ''}
  end
  return found
end
local function last(key)
  local about = redis.pcall('XINFO', 'STREAM', key)
  if about.err then
    if string.find(about.err, 'no such key') then return -1 end
    return about
  end
  for i = 1, #about, 2 do
    if about[i] == 'last-generated-id' then return tonumber(string.match(about[i + 1], '^%d+')) end
  end
end
"""

# KEYS[1] stream; ARGV: the sequence that the stream must have reached. Answers nothing when it has not.
_LOOK = (
    GROUPS
    + """
local reached = last(KEYS[1])
if type(reached) == 'table' then return reached end
if reached < tonumber(ARGV[1]) then return false end
return groups(KEYS[1])
"""
)

_STORED = "SELECT name, floor FROM group_floor WHERE stream = $1 ORDER BY floor"

_STORE = """
INSERT INTO group_floor (stream, name, floor)
SELECT $1, name, floor FROM unnest($2::bytea[], $3::bigint[]) AS seen (name, floor)
ON CONFLICT (stream, name) DO UPDATE SET floor = excluded.floor
"""

_FORGET = "DELETE FROM group_floor WHERE stream = $1 AND name = ANY($2::bytea[])"


@dataclass(frozen=True, slots=True)
class Group:
    """A group by the name the bus has for it, and its floor."""

    name: bytes
    floor: int


class Floors:
    """Reads the floors of the bus."""

    def __init__(self, bus: Redis) -> None:
        self._look = bus.register_script(_LOOK)

    async def seen(self, place: Place) -> list[Group] | None:
        """Return the groups of a stream; None when the stream is not what it was. Raises RedisError or OSError."""
        found = await self._look(keys=[place.stream], args=[place.expected])
        if found is None:
            return None
        # A group may be made at any id, also behind the end of the stream.
        return [Group(name, min(_floor(*ids), place.given)) for name, *ids in found]


def _floor(delivered: bytes, pending: bytes) -> int:
    return sequence_of(pending) - 1 if pending else sequence_of(delivered)


async def stored_floors(connection: Connection, stream: str) -> dict[bytes, int]:
    """Return the floors as the database was told last."""
    return {row["name"]: row["floor"] for row in await connection.fetch(_STORED, stream)}


async def store_floors(connection: Connection, stream: str, groups: Sequence[Group]) -> None:
    """Tell the database what has changed; a group that is there no more was removed, and is forgotten."""
    stored = await stored_floors(connection, stream)
    changed = [group for group in groups if stored.get(group.name) != group.floor]
    if changed:
        await connection.execute(_STORE, stream, [group.name for group in changed], [group.floor for group in changed])
    await forget(connection, stream, _gone(stored, groups))


def _gone(stored: Mapping[bytes, int], groups: Sequence[Group]) -> list[bytes]:
    return list(stored.keys() - {group.name for group in groups})


async def forget(connection: Connection, stream: str, names: Sequence[bytes]) -> None:
    """Make the database forget groups."""
    if names:
        await connection.execute(_FORGET, stream, names)

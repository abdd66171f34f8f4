"""Appending outbox rows to their stream under ids of our own, in one script that stops at its first error.

In a plain pipeline a refusal in the middle would lose an event for ever: below a higher id it can never be added again.
"""

from collections.abc import Sequence

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts.events import CloudEvent
from shared.contracts.streams import EVENT_STREAMS

# KEYS[1] stream; ARGV: the sequence that the stream must have reached, then for each entry its sequence, its event id,
# the number of fields, the fields. Answers how many entries are in the stream afterwards, and why it stopped. A refused
# id is compared by its stored event id: the same means already there.
APPEND = """
local expected = tonumber(ARGV[1])
if expected > 0 then
  local last, about = 0, redis.pcall('XINFO', 'STREAM', KEYS[1])
  if about.err then
    if not string.find(about.err, 'no such key') then return {0, about.err} end
  else
    for i = 1, #about, 2 do
      if about[i] == 'last-generated-id' then last = tonumber(string.match(about[i + 1], '^%d+')) end
    end
  end
  if last < expected then return {0, 'BEHIND'} end
end
local done, i = 0, 2
while i <= #ARGV do
  local id, event, n = ARGV[i] .. '-0', ARGV[i + 1], tonumber(ARGV[i + 2])
  local fields = {}
  for f = 1, n do fields[f] = ARGV[i + 2 + f] end
  i = i + 3 + n
  local answer = redis.pcall('XADD', KEYS[1], id, unpack(fields))
  if type(answer) == 'table' and answer.err then
    if not string.find(answer.err, 'equal or smaller') then return {done, answer.err} end
    local there = redis.call('XRANGE', KEYS[1], id, id)
    if #there > 0 then
      local same = false
      for f = 1, #there[1][2], 2 do
        if there[1][2][f] == 'id' and there[1][2][f + 1] == event then same = true end
      end
      if not same then return {done, 'FORKED ' .. id} end
    end
  end
  done = done + 1
end
return {done, ''}
"""

# KEYS[1] stream; ARGV: a sequence. The stream goes on after it, as if that entry had been there and were trimmed.
_ADVANCE = """
redis.call('XADD', KEYS[1], ARGV[1] .. '-0', 'trimmed', '')
redis.call('XTRIM', KEYS[1], 'MINID', ARGV[2] .. '-0')
"""


class StreamForked(Exception):
    """The stream holds what the database does not know: the database was restored behind it."""


class StreamBehind(Exception):
    """The stream has lost entries that it had."""


class Appender:
    """Appends rows of one outbox."""

    def __init__(self, bus: Redis) -> None:
        self._append = bus.register_script(APPEND)
        self._advance = bus.register_script(_ADVANCE)

    async def append(self, stream: str, rows: Sequence[asyncpg.Record], *, behind: int) -> tuple[int, Exception | None]:
        """Append `rows`, dense and in order, to a stream that has had sequence `behind`.

        Returns how many of them are in the stream, and what stopped the rest: StreamForked, StreamBehind or RedisError.
        Raises RedisError when nothing is known.
        """
        arguments: list[str | bytes] = [str(behind)]
        for row in rows:
            entry = _entry(row)
            arguments += [str(row["sequence"]), row["event_id"], str(2 * len(entry))]
            for name, value in entry.items():
                arguments += [name, value]
        done, reason = await self._append(keys=[stream], args=arguments)
        return done, _error(stream, reason.decode())

    async def advance(self, stream: str, sequence: int) -> None:
        """Have the stream go on after `sequence`, which nobody needs any more."""
        await self._advance(keys=[stream], args=[sequence, sequence + 1])


def _error(stream: str, reason: str) -> Exception | None:
    if not reason:
        return None
    if reason == "BEHIND":
        return StreamBehind(stream)
    if reason.startswith("FORKED"):
        return forked(stream, reason.removeprefix("FORKED "))
    return RedisError(reason)


def forked(stream: str, place: str) -> StreamForked:
    """Say which entry is not of this history."""
    return StreamForked(f"{stream} holds another event under {place}: the database was restored behind it")


def _entry(row: asyncpg.Record) -> dict[str, str | bytes]:
    """Return the stream fields of an outbox row: a CloudEvent, or for a job its bare data."""
    if not row["stream"].startswith(EVENT_STREAMS):
        return {"id": row["event_id"], "data": row["data"], "traceparent": row["traceparent"]}
    return CloudEvent(
        id=row["event_id"],
        source=f"/aurelius/{row['stream'].rpartition('.')[2]}",
        type=row["type"],
        subject=row["subject"],
        time=row["time"],
        sequence=row["sequence"],
        owner=row["owner"],
        traceparent=row["traceparent"],
        data=row["data"],
    ).to_entry()

"""The relay: gives committed outbox rows their dense sequence and appends them to their streams, once each, in order.

One relay per schema is active: it holds a lease row on the database's clock, because an advisory lock would survive a
half-open connection. Sequences are durable before the append, ids are explicit (`<sequence>-0`), and the append stops
at its first error, so that a repeat is refused by the server and a hole cannot appear.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts.errors import Unavailable
from shared.contracts.events import CloudEvent
from shared.contracts.streams import EVENT_STREAMS
from shared.runtime.bus.reading import complaint
from shared.runtime.database import Connection, Database
from shared.runtime.outbox import WAKE_CHANNEL

log = logging.getLogger(__name__)

LEASE_SECONDS = 2
BATCH = 500
POLL_SECONDS = 1.0
FORKED_SECONDS = 5.0
COMPLAIN_SECONDS = 60.0
# Without it the next relay waits until the lease lapses; a stop waits no longer for a database that is away.
DROP_SECONDS = 0.5
# An idle connection whose other end is gone without a word would never tell.
ALIVE_SECONDS = 15.0
_LISTENING_FAILS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)

_TAKE_LEASE = """
INSERT INTO relay_lease AS l (name, holder, expires_at)
VALUES ('relay', $1, clock_timestamp() + make_interval(secs => $2))
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
WHERE l.holder = excluded.holder OR l.expires_at < clock_timestamp()
RETURNING holder
"""

_DROP_LEASE = "DELETE FROM relay_lease WHERE name = 'relay' AND holder = $1"

# Outbox ids are taken under the entity's row lock, so that their order is commit order for each subject. A row whose
# transaction is still open cannot be seen here; it gets a later sequence than rows that committed before it.
_ASSIGN = """
WITH fresh AS (
    SELECT id, stream, row_number() OVER (PARTITION BY stream ORDER BY id) AS nth
    FROM (SELECT id, stream FROM outbox WHERE sequence IS NULL ORDER BY id LIMIT $1) AS waiting
), moved AS (
    INSERT INTO stream_sequence AS s (stream, last)
    SELECT stream, count(*) FROM fresh GROUP BY stream ORDER BY stream
    ON CONFLICT (stream) DO UPDATE SET last = s.last + excluded.last
    RETURNING stream, last
)
UPDATE outbox SET sequence = moved.last - counted.number + fresh.nth
FROM fresh
JOIN moved USING (stream)
JOIN (SELECT stream, count(*) AS number FROM fresh GROUP BY stream) AS counted USING (stream)
WHERE outbox.id = fresh.id
"""

_UNSENT = """
SELECT id, stream, sequence, event_id, type, subject, owner, time, traceparent, data
FROM outbox WHERE published_at IS NULL AND sequence IS NOT NULL
ORDER BY stream, sequence LIMIT $1
"""

_SENT = "UPDATE outbox SET published_at = now() WHERE id = ANY($1::bigint[])"

# KEYS[1] stream; ARGV: for each entry its sequence, its event id, the number of fields, the fields. Answers how many
# entries are in the stream afterwards, and why it stopped. A refused id is compared by its stored event id: the same
# means already there.
APPEND = """
local done, i = 0, 1
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


class StreamForked(Exception):
    """The stream holds another event under the id of one of ours: the database was restored behind the stream."""


class Relay:
    """Moves one service's outbox to the bus. Run one in every process; the lease lets one work."""

    def __init__(self, database: Database, bus: Redis, holder: str) -> None:
        self._database = database
        self._bus = bus
        self._holder = holder
        self._append = bus.register_script(APPEND)
        self._wake = asyncio.Event()
        self._trouble = ""
        self._complained_at = 0.0

    async def run(self) -> None:
        """Relay until cancelled; rides out whatever keeps it from that, and says so in its check.

        A forked stream needs a person, whom a restart would not replace: it stays, publishes nothing, and looks again.
        """
        listener = asyncio.create_task(self._listen())
        try:
            while True:
                try:
                    await self._work()
                except StreamForked as error:
                    self._complain(str(error), logging.CRITICAL)
                    await asyncio.sleep(FORKED_SECONDS)
                except (Unavailable, asyncpg.PostgresError, RedisError, OSError) as error:
                    self._complain(_reason(error), logging.WARNING, error)
                    await asyncio.sleep(POLL_SECONDS / 2)
        finally:
            listener.cancel()
            with contextlib.suppress(Unavailable, asyncpg.PostgresError, TimeoutError):
                async with asyncio.timeout(DROP_SECONDS), self._database.reading() as connection:
                    await connection.execute(_DROP_LEASE, self._holder)

    async def check(self) -> None:
        """Pass when the outbox goes out. Raises Unavailable with the reason why it does not."""
        if self._trouble:
            raise Unavailable(self._trouble)

    def _complain(self, trouble: str, level: int, error: Exception | None = None) -> None:
        """Say it when it is new, and again when it lasts."""
        now = time.monotonic()
        if trouble != self._trouble or now - self._complained_at > COMPLAIN_SECONDS:
            cause = error.__cause__ if isinstance(error, Unavailable) else error
            log.log(level, "the outbox is not published: %s%s", trouble, f" ({cause})" if cause else "")
            self._complained_at = now
        self._trouble = trouble

    async def _work(self) -> None:
        self._wake.clear()
        number = await self.relay_once()
        if self._trouble:
            log.warning("the outbox is published again")
            self._trouble = ""
        if number >= BATCH:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()

    async def relay_once(self) -> int:
        """Assign and append at most one batch if the lease is ours; returns the number of rows appended."""
        async with self._database.transaction() as connection:
            if await connection.fetchval(_TAKE_LEASE, self._holder, float(LEASE_SECONDS)) is None:
                return 0
            await connection.execute(_ASSIGN, BATCH)
        async with self._database.reading() as connection:
            rows = await connection.fetch(_UNSENT, BATCH)
            for stream in dict.fromkeys(row["stream"] for row in rows):
                await self._publish(connection, stream, [row for row in rows if row["stream"] == stream])
        return len(rows)

    async def _publish(self, connection: Connection, stream: str, rows: Sequence[asyncpg.Record]) -> None:
        arguments: list[str | bytes] = []
        for row in rows:
            entry = _entry(row)
            arguments += [str(row["sequence"]), row["event_id"], str(2 * len(entry))]
            for name, value in entry.items():
                arguments += [name, value]
        done, reason = await self._append(keys=[stream], args=arguments)
        await connection.execute(_SENT, [row["id"] for row in rows[:done]])
        if reason:
            text = reason.decode()
            if text.startswith("FORKED"):
                place = text.removeprefix("FORKED ")
                raise StreamForked(f"{stream} holds another event under {place}: the database was restored behind it")
            raise RedisError(text)

    async def _listen(self) -> None:
        while True:
            try:
                connection = await self._database.listen_connection()
            except _LISTENING_FAILS:
                await asyncio.sleep(POLL_SECONDS)
                continue
            closed = asyncio.Event()
            connection.add_termination_listener(lambda *_, closed=closed: closed.set())
            try:
                await connection.add_listener(WAKE_CHANNEL, lambda *_: self._wake.set())
                while not closed.is_set():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(ALIVE_SECONDS):
                            await closed.wait()
                    if not closed.is_set():
                        await connection.execute("SELECT 1")
            except (*_LISTENING_FAILS, TimeoutError):
                await asyncio.sleep(POLL_SECONDS)
            finally:
                connection.terminate()


def _reason(error: Exception) -> str:
    """Say in words for strangers who it is that fails."""
    if isinstance(error, Unavailable):
        return error.detail
    if isinstance(error, asyncpg.PostgresError):
        return f"the database refuses: {type(error).__name__}"
    return f"the bus {complaint(error)}"


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

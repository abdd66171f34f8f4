"""The relay: gives committed outbox rows their dense sequence and appends them to their streams, once each, in order.

One relay per schema is active: it holds a lease row on the database's clock, because an advisory lock would survive a
half-open connection. Sequences are durable before the append, ids are explicit (`<sequence>-0`), and the append stops
at its first error, so that a repeat is refused by the server and a hole cannot appear. Before it gives or appends
anything it looks whether the bus still has what was published: `relaying/` has what it does then, a rule a module.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from shared.contracts.errors import Unavailable
from shared.runtime.bus.reading import complaint
from shared.runtime.database import Connection, Database
from shared.runtime.outbox import WAKE_CHANNEL
from shared.runtime.relaying.append import Appender, StreamBehind, StreamForked
from shared.runtime.relaying.backlog import Backlog
from shared.runtime.relaying.places import Place, check_history, look_at_bus, places
from shared.runtime.relaying.rebuild import Rebuild
from shared.runtime.relaying.retention import Keeping, Retention
from shared.runtime.tracing.bus_spans import published

if TYPE_CHECKING:
    from shared.runtime.tracing.tracer import Tracer

log = logging.getLogger(__name__)

LEASE_SECONDS = 2
BATCH = 500
POLL_SECONDS = 1.0
LISTEN_AGAIN_SECONDS = 1.0
KEEP_SECONDS = 2.0
FORKED_SECONDS = 5.0
COMPLAIN_SECONDS = 60.0
# Without it the next relay waits until the lease lapses; a stop waits no longer for a database that is away.
DROP_SECONDS = 0.5
# An idle connection whose other end is gone without a word would never tell.
ALIVE_SECONDS = 15.0

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
FROM outbox WHERE published_at IS NULL AND sequence IS NOT NULL AND stream <> ALL($1::text[])
ORDER BY stream, sequence LIMIT $2
"""

_SENT = "UPDATE outbox SET published_at = now() WHERE id = ANY($1::bigint[])"


class Relay:
    """Moves one service's outbox to the bus. Run one in every process; the lease lets one work.

    Public for who measures: the `backlog`, what `rebuild` appended again, which groups `retention` dropped.
    """

    def __init__(
        self,
        database: Database,
        bus: Redis,
        holder: str,
        keeping: Keeping | None = None,
        *,
        tracer: "Tracer | None" = None,
    ) -> None:
        self.more = False
        self.backlog = Backlog()
        self.retention = Retention(database, bus, keeping or Keeping())
        self._database = database
        self._bus = bus
        self._holder = holder
        self._tracer = tracer
        self._appender = Appender(bus)
        self.rebuild = Rebuild(bus, self._appender)
        self._run = ""
        self._reached: dict[str, int] = {}
        self._kept_at = -math.inf
        self._untrimmed = ""
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
        await self.relay_once()
        if self._trouble:
            log.warning("the outbox is published again")
            self._trouble = ""
        if self.more:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()

    async def relay_once(self, *, keep: bool | None = None) -> int:
        """Send a batch if the lease is ours; returns the number of rows that were sent for the first time.

        `more` says afterwards whether something is left that need not be waited for. What streams and groups need now
        and then is done when it is due, unless `keep` says so.
        """
        self.more = False
        due = time.monotonic() - self._kept_at > KEEP_SECONDS if keep is None else keep
        async with self._database.reading() as connection:
            if await connection.fetchval(_TAKE_LEASE, self._holder, float(LEASE_SECONDS)) is None:
                self.backlog.unknown()
                return 0
            known = await places(connection)
            if due:
                await self.backlog.look(connection)
        broken = await self._mend(known, server=due)
        if due:
            await self._keep([place for place in known if place.stream not in broken])
        async with self._database.transaction() as connection:
            if await connection.fetchval(_TAKE_LEASE, self._holder, float(LEASE_SECONDS)) is None:
                return 0
            await connection.execute(_ASSIGN, BATCH)
        return await self._send(known, broken)

    async def _mend(self, known: Sequence[Place], *, server: bool) -> list[str]:
        """Look whether the bus has what was published; returns the streams that are not whole yet.

        With `server` also whether it is another server than before, which may lack groups.
        """
        look = await look_at_bus(self._bus, [place.stream for place in known], server=server)
        another = look.run not in (None, self._run)
        broken: list[str] = []
        as_they_were = all(self._reached.get(stream) == there.last for stream, there in look.streams.items())
        if as_they_were and not another and all(look.streams[each.stream].last >= each.expected for each in known):
            return broken
        async with self._database.reading() as connection:
            for place in known:
                there = look.streams[place.stream]
                if there.last != self._reached.get(place.stream):
                    await check_history(connection, place, there)
                    self._reached[place.stream] = there.last
                if there.last < place.expected:
                    await self.rebuild.mend(connection, place, there)
                    broken.append(place.stream)
                elif place.of_events and another:
                    await self.rebuild.restore_groups(connection, place.stream)
        self._run = look.run if look.run is not None else self._run
        self.more |= bool(broken)
        return broken

    async def _keep(self, whole: Sequence[Place]) -> None:
        """Have every stream as long as it is to be. What the bus refuses here is no reason not to publish."""
        more = False
        try:
            for place in whole:
                more |= await self.retention.keep(place, self._run)
        except ResponseError as error:
            if str(error) != self._untrimmed:
                log.warning("the streams cannot be trimmed: %s", error)
            self._untrimmed = str(error)
        else:
            self._untrimmed = ""
        self.more |= more
        if not more:
            self._kept_at = time.monotonic()

    async def _send(self, known: Sequence[Place], broken: Sequence[str]) -> int:
        async with self._database.reading() as connection:
            rows = await connection.fetch(_UNSENT, broken, BATCH)
            given = {place.stream: place for place in known}
            for stream in dict.fromkeys(row["stream"] for row in rows):
                if stream not in given:
                    await self._check_new(connection, stream)
                behind = given[stream].expected if stream in given else 0
                await self._publish(connection, [row for row in rows if row["stream"] == stream], behind)
        self.more |= len(rows) >= BATCH
        return len(rows)

    async def _check_new(self, connection: Connection, stream: str) -> None:
        """A stream that was given its first sequence just now must not have had any."""
        there = (await look_at_bus(self._bus, [stream], server=False)).streams[stream]
        await check_history(connection, Place(stream, 0, 0), there)

    async def _publish(self, connection: Connection, rows: Sequence[asyncpg.Record], behind: int) -> None:
        stream, began = rows[0]["stream"], time.monotonic()
        done, error = await self._appender.append(stream, rows, behind=behind)
        if self._tracer is not None:
            told = [(row["event_id"], row["type"], row["traceparent"]) for row in rows[:done]]
            published(self._tracer, stream, told, time.monotonic() - began)
        await connection.execute(_SENT, [row["id"] for row in rows[:done]])
        if done:
            self._reached[stream] = rows[done - 1]["sequence"]
        if isinstance(error, StreamBehind):  # since it was looked at; the next pass mends it
            self.more = True
        elif error is not None:
            raise error

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except Exception as error:  # whatever it is: nobody awaits this, and the poll alone is slow
                log.info("new events are found by the poll until they are told of again: %s", repr(error))
            await asyncio.sleep(LISTEN_AGAIN_SECONDS)

    async def _hear(self) -> None:
        """Wake at each notification until the connection is lost. Raises what Postgres and asyncpg do."""
        connection = await self._database.listen_connection()
        closed = asyncio.Event()
        try:
            connection.add_termination_listener(lambda *_: closed.set())
            await connection.add_listener(WAKE_CHANNEL, lambda *_: self._wake.set())
            while not closed.is_set():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(ALIVE_SECONDS):
                        await closed.wait()
                if not closed.is_set():
                    await connection.execute("SELECT 1")
        finally:
            connection.terminate()


def _reason(error: Exception) -> str:
    """Say in words for strangers who it is that fails."""
    if isinstance(error, Unavailable):
        return error.detail
    if isinstance(error, asyncpg.PostgresError):
        return f"the database refuses: {type(error).__name__}"
    return f"the bus {complaint(error)}"

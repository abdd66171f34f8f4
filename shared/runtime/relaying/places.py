"""Where each stream is: what the database has given and published, and what the bus has.

The two differ when either was restored, emptied, or failed over to a copy that lags. It is looked at in every pass.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.contracts.streams import EVENT_STREAMS
from shared.runtime.database import Connection
from shared.runtime.relaying.append import forked

# Rows are published in order, so that all below the first that is not have been.
_PLACES = """
SELECT stream, last AS given, coalesce(
    (SELECT sequence - 1 FROM outbox
     WHERE outbox.stream = given.stream AND published_at IS NULL AND sequence IS NOT NULL
     ORDER BY sequence LIMIT 1),
    last
) AS published
FROM stream_sequence AS given ORDER BY stream
"""

_EVENT_ID = "SELECT event_id FROM outbox WHERE stream = $1 AND sequence = $2"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream is for the database: the last sequence that was given, and that up to which all were published."""

    stream: str
    given: int
    published: int

    @property
    def of_events(self) -> bool:
        """Whether its entries are kept: those of jobs only wake workers, who look for themselves too."""
        return self.stream.startswith(EVENT_STREAMS)

    @property
    def expected(self) -> int:
        """The sequence that the bus must have reached, or it has lost something; -1 when nothing is lost with it."""
        return self.published if self.of_events else -1


@dataclass(frozen=True, slots=True)
class OnBus:
    """Where a stream is for the bus: the last sequence it has had; id and event id of its newest entry, if any."""

    last: int = 0
    newest: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class BusLook:
    """Which life of which server answered, if that was asked, and where its streams are."""

    run: str | None
    streams: dict[str, OnBus]


async def places(connection: Connection) -> list[Place]:
    """Return the place of every stream that was given a sequence."""
    rows = await connection.fetch(_PLACES)
    return [Place(row["stream"], row["given"], row["published"]) for row in rows]


async def look_at_bus(bus: Redis, streams: Iterable[str], *, server: bool) -> BusLook:
    """Ask the bus, in one round trip, with `server` which one it is too. Raises RedisError or OSError."""
    named = list(streams)
    pipeline = bus.pipeline(transaction=False)
    for stream in named:
        pipeline.xinfo_stream(stream)
    if server:
        pipeline.info("server")
    answers = await pipeline.execute(raise_on_error=False)
    about = answers.pop() if server else None
    if isinstance(about, Exception):
        raise about
    run = None if about is None else str(about.get("run_id", ""))
    return BusLook(run, dict(zip(named, map(_on_bus, answers), strict=True)))


def _on_bus(answer: dict[str, Any] | Exception) -> OnBus:
    if isinstance(answer, Exception):
        if isinstance(answer, ResponseError) and "no such key" in str(answer):
            return OnBus()
        raise answer
    last = sequence_of(answer["last-generated-id"])
    if not answer["last-entry"]:
        return OnBus(last)
    entry_id, fields = answer["last-entry"]
    return OnBus(last, (entry_id.decode(), fields.get(b"id", b"").decode(errors="replace")))


async def check_history(connection: Connection, place: Place, there: OnBus) -> None:
    """Raises StreamForked when the bus has more than the database, or another event as its newest."""
    if there.last > place.given:
        # Whoever held the lease before may still be at work: what is on the bus was given before it went there.
        fresh = {found.stream: found.given for found in await places(connection)}
        if there.last > fresh.get(place.stream, 0):
            raise forked(place.stream, f"{there.last}-0")
    if there.newest is not None:
        entry_id, event_id = there.newest
        known = await connection.fetchval(_EVENT_ID, place.stream, sequence_of(entry_id.encode()))
        if known not in (None, event_id):
            raise forked(place.stream, entry_id)


def sequence_of(entry_id: bytes) -> int:
    """Return the sequence that an id begins with."""
    return int(entry_id.partition(b"-")[0])

"""The relay on an outbox most of whose rows were sent long ago."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

from redis.asyncio import Redis

from bench.query_plans.query import Query, Service, Trial
from shared.runtime.database import Connection, Database, Transaction
from shared.runtime.relay import Relay
from shared.runtime.relaying.places import Place, places
from shared.runtime.relaying.retention import BATCH, Keeping, Retention
from shared.runtime.settings import DatabaseSettings

_UNSENT = 100
_SENDING = frozenset({"outbox_unsequenced", "outbox_unsent", "outbox_pkey"})
_REMOVING = frozenset({"outbox_stream_sequence_key"})

_ADD = """
WITH given AS (
    UPDATE stream_sequence SET last = last + $1 / 2 RETURNING stream, last - $1 / 2 AS before
)
INSERT INTO outbox (stream, sequence, event_id, type, subject, owner, time, traceparent, data)
SELECT stream, CASE WHEN n <= $1 / 2 THEN before + n END, n::text, 't', 's', 'o', '', '', ''
FROM given, generate_series(1, $1::int) AS n
"""


def sending(service: Service) -> Query:
    """Return the query: each row is read to be numbered, changed, sent, and marked; half have their number before."""
    bus = _Bus()

    async def add(connection: Connection) -> None:
        await connection.execute(_ADD, _UNSENT)
        bus.places = await places(connection)

    async def relay(connection: Connection) -> None:
        sender = Relay(_Lent(connection), cast("Redis", bus), "bench")
        await sender.relay_once(keep=False)

    # And the sequence that was given last.
    trial = Trial(relay, rows=4 * _UNSENT + 2, writes=2 * _UNSENT, before=add)
    return Query(f"{_UNSENT} rows of the {service} outbox relayed", service, _SENDING, [trial])


def removing(service: Service) -> Query:
    """Return the query: the rows are read to find the last old one, and to be removed."""
    bus = _Bus()

    async def look(connection: Connection) -> None:
        bus.places = await places(connection)

    async def remove(connection: Connection) -> None:
        retention = Retention(_Lent(connection), cast("Redis", bus), Keeping(kept=0.0))
        await retention.keep(bus.places[0], "")

    trial = Trial(remove, rows=2 * BATCH + 1, writes=BATCH, before=look)
    return Query(f"{BATCH:,} old rows of the {service} outbox removed", service, _REMOVING, [trial])


class _Lent(Database):
    """A connection in the place of a pool."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(DatabaseSettings(database_url=""), "")
        self._connection = connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        yield self._connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        yield Transaction(self._connection)


class _Bus:
    """Has what was published, no groups, and takes whatever is appended."""

    places: Sequence[Place] = ()

    def register_script(self, script: str) -> Callable[..., Awaitable[object]]:
        async def run(keys: Sequence[str], args: Sequence[str | bytes | int]) -> object:
            del keys
            if "XTRIM" in script and "XADD" not in script:
                return args[0]
            return (_UNSENT, b"") if "XADD" in script else []

        return run

    def pipeline(self, *, transaction: bool) -> "_Pipeline":
        del transaction
        return _Pipeline(self.places)

    async def info(self, _: str) -> dict[str, object]:
        return {}


class _Pipeline:
    """Answers in the order of what is asked: each stream is where it was published to."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._published = {place.stream: place.published for place in places}
        self._answers: list[dict[str, bytes | None]] = []

    def info(self, _: str) -> None:
        """Tell nothing of the server."""
        self._answers.append({})

    def xinfo_stream(self, stream: str) -> None:
        """Tell where a stream is."""
        self._answers.append({"last-generated-id": f"{self._published[stream]}-0".encode(), "last-entry": None})

    async def execute(self, *, raise_on_error: bool) -> list[dict[str, bytes | None]]:
        del raise_on_error
        return self._answers

"""The relay on an outbox most of whose rows were sent long ago."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

from redis.asyncio import Redis

from bench.query_plans.query import Query, Service, Trial
from shared.runtime.database import Connection, Database
from shared.runtime.relay import Relay
from shared.runtime.settings import DatabaseSettings

_UNSENT = 100
_INDEXES = frozenset({"outbox_unsequenced", "outbox_unsent", "outbox_pkey"})

_ADD = """
INSERT INTO outbox (stream, sequence, event_id, type, subject, owner, time, traceparent, data)
SELECT stream, CASE WHEN n > $1 / 2 THEN last + n END, n::text, 't', 's', 'o', '', '', ''
FROM stream_sequence, generate_series(1, $1::int) AS n
"""


def query(service: Service) -> Query:
    """Return the query: each row is read to be numbered, changed, sent, and marked; half have their number before."""
    trial = Trial(_relay, rows=4 * _UNSENT, writes=2 * _UNSENT, before=_add)
    return Query(f"{_UNSENT} rows of the {service} outbox relayed", service, _INDEXES, [trial])


async def _add(connection: Connection) -> None:
    await connection.execute(_ADD, _UNSENT)


async def _relay(connection: Connection) -> None:
    await Relay(_Lent(connection), cast("Redis", _Bus()), "bench").relay_once()


class _Lent(Database):
    """A connection in the place of a pool."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(DatabaseSettings(database_url=""), "")
        self._connection = connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        yield self._connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        yield self._connection


class _Bus:
    """Takes whatever is appended."""

    def register_script(self, _: str) -> Callable[..., Awaitable[tuple[int, bytes]]]:
        async def append(keys: Sequence[str], args: Sequence[str | bytes]) -> tuple[int, bytes]:
            del keys, args
            return _UNSENT, b""

        return append

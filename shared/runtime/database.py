"""The service's own Postgres schema: a bounded pool, transactions, and errors in the caller's terms."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

import asyncpg
import msgspec

from shared.contracts.errors import Unavailable
from shared.runtime.settings import DatabaseSettings

# A transaction that lives longer would outlast the cache's protection of its objects.
TRANSACTION_TIMEOUT_MS = 5000
_LOST = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)
_LOST_ALSO = (asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.TooManyConnectionsError)
# What asyncpg says of a connection that the server ended while nobody used it.
_LOST_UNNOTICED = (asyncpg.InternalClientError,)
_TOO_SLOW = (TimeoutError, asyncpg.QueryCanceledError)


class Connection(Protocol):
    """What stores and the outbox need of an asyncpg connection or pool."""

    async def fetch(self, query: str, *args: object) -> Sequence[asyncpg.Record]:
        """Return all rows."""
        ...

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """Return the first row or None."""
        ...

    async def fetchval(self, query: str, *args: object) -> object:
        """Return the first column of the first row or None."""
        ...

    async def execute(self, query: str, *args: object) -> str:
        """Run a statement and return its command tag."""
        ...


class Database:
    """A pool whose connections see `schema` first. JSON columns come and go as Python values."""

    def __init__(self, settings: DatabaseSettings, schema: str) -> None:
        self._settings = settings
        self._schema = schema
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    async def connect(self) -> None:
        """Open the pool. Raises Unavailable when Postgres does not answer."""
        async with _connection_errors():
            self._pool = await asyncpg.create_pool(
                self._settings.database_url,
                min_size=1,
                max_size=self._settings.database_pool_size,
                init=_set_codecs,
                reset=_keep,
                timeout=5,
                command_timeout=10,
                server_settings={
                    "search_path": self._schema,
                    "application_name": f"aurelius-{self._schema}",
                    **await self._time_limits(),
                },
            )

    async def _time_limits(self) -> dict[str, str]:
        connection = await asyncpg.connect(self._settings.database_url, timeout=5)
        try:
            major = connection.get_server_version().major
        finally:
            await connection.close()
        limit = str(TRANSACTION_TIMEOUT_MS)
        if major >= 17:
            return {"transaction_timeout": limit}
        return {"statement_timeout": limit, "idle_in_transaction_session_timeout": limit}

    async def close(self) -> None:
        """Close the pool, giving its users a moment to finish."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), 2)
            except TimeoutError:
                self._pool.terminate()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Lend a connection for single statements. Raises Unavailable when Postgres is away."""
        async with _connection_errors(), self._acquired() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Lend a connection in a transaction that commits at the end, or rolls back on an exception."""
        async with _connection_errors(), self._acquired() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator["asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"]:
        if self._pool is None:
            raise Unavailable("The database is not connected yet")
        async with self._pool.acquire(timeout=2) as connection:
            yield connection

    async def check(self) -> None:
        """Pass when Postgres answers a query."""
        async with self.reading() as connection:
            await connection.execute("SELECT 1")

    async def listen_connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a connection of its own, past any pooler, for LISTEN."""
        url = self._settings.database_direct_url or self._settings.database_url
        return await asyncpg.connect(url, timeout=5, server_settings={"search_path": self._schema})


@asynccontextmanager
async def _connection_errors() -> AsyncIterator[None]:
    try:
        yield
    except (*_LOST, *_LOST_ALSO, *_LOST_UNNOTICED, *_TOO_SLOW) as error:
        raise Unavailable("The database does not answer") from error


async def _set_codecs(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_encode_json, decoder=msgspec.json.decode, format="text"
        )
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str, format="text")


async def _keep(_: object) -> None:
    """Leave a connection that comes back as it is: nobody changes session state, and RESET is a round trip a use."""


def _encode_json(value: object) -> str:
    return msgspec.json.encode(value).decode()

"""The service's own Postgres schema: a bounded pool, transactions, and errors in the caller's terms."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

import asyncpg
import msgspec

from shared.contracts.errors import Unavailable
from shared.runtime import spent
from shared.runtime.raising import Raising
from shared.runtime.settings import DatabaseSettings
from shared.runtime.time_limits import time_limits

if TYPE_CHECKING:
    from shared.runtime.tracing.tracer import Tracer

_AWAY = "The database does not answer"

# Longer would be queued into the caller's deadline; a quick refusal serves everybody better.
ACQUIRE_SECONDS = 1.5
# A server that has not answered by then is not there. Below a request's five seconds, so that its caller hears of it
# and asks again within them: a connection that has gone silent is healed in so many.
ANSWER_SECONDS = 3.0
RELEASE_SECONDS = 0.2
CONNECT_SECONDS = 2.0
# With every connection in use, an answer to one of them in the last second says that the server lives.
ANSWERED_LATELY_SECONDS = 1.0
# Has the server notice a client that is gone without a word, and with it the locks that it held; in seconds.
_KEEPALIVE = {"tcp_keepalives_idle": "15", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3"}
# What these sessions change they announce: triggers leave it alone (`shared.runtime.migrations.edited_rows`).
_ANNOUNCES = {"aurelius.announces": "on"}
# Not as start-up parameters, which a pooler refuses.
_SET = "SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS setting (name, value)"
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


class Transaction:
    """The connection of a transaction. `raised` are the objects it has raised so far, with their new versions."""

    __slots__ = ("execute", "fetch", "fetchrow", "fetchval", "raised")

    def __init__(self, connection: Connection) -> None:
        self.fetch = connection.fetch
        self.fetchrow = connection.fetchrow
        self.fetchval = connection.fetchval
        self.execute = connection.execute
        self.raised: dict[str, int] = {}


class PoolUse(NamedTuple):
    """Connections of a pool: those that somebody uses, those that wait, and how many there may be."""

    used: int
    idle: int
    limit: int


class Database:
    """A pool whose connections see `schema` first. JSON columns come and go as Python values.

    It has `pool_size` connections at most, by default as many as the settings say. Who finds all in use for
    ACQUIRE_SECONDS is told Unavailable. With `raising` each transaction tells the cache what it changes, and with
    None there is no cache. With a `tracer` statements are spans.
    """

    def __init__(
        self,
        settings: DatabaseSettings,
        schema: str,
        *,
        pool_size: int | None = None,
        raising: Raising | None = None,
        tracer: "Tracer | None" = None,
    ) -> None:
        self._settings = settings
        self._tracer = tracer
        self._raising = raising
        self._schema = schema
        self._size = pool_size or settings.database_pool_size
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._answered_at = 0.0
        self._waited: Callable[[float], None] = _unheard
        self._held: Callable[[float], None] = _unheard

    def observe(self, *, waited: Callable[[float], None], held: Callable[[float], None]) -> None:
        """Tell of each use the seconds that it waited for a connection, and those for which it held one."""
        self._waited, self._held = waited, held

    def pool_use(self) -> PoolUse:
        """Return how the pool is used at this moment."""
        if self._pool is None:
            return PoolUse(0, 0, self._size)
        idle = self._pool.get_idle_size()
        return PoolUse(self._pool.get_size() - idle, idle, self._size)

    async def connect(self) -> None:
        """Open the pool. Raises Unavailable when Postgres does not answer."""
        async with _connection_errors():
            self._pool = await asyncpg.create_pool(
                self._settings.database_url,
                min_size=1,
                max_size=self._size,
                init=self._prepare,
                reset=_keep,
                timeout=CONNECT_SECONDS,
                command_timeout=ANSWER_SECONDS,
                server_settings={"application_name": f"aurelius-{self._schema}"},
            )

    async def _prepare(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Set on a new connection what a service's own role begins with too: a role that several share does not."""
        settings = {
            "search_path": self._schema,
            **time_limits(connection.get_server_version().major),
            **_KEEPALIVE,
            **_ANNOUNCES,
        }
        await connection.execute(_SET, list(settings), list(settings.values()))
        await _set_codecs(connection)
        if self._tracer is not None:
            from shared.runtime.tracing.query_spans import QuerySpans

            connection.add_query_logger(QuerySpans(self._tracer, self._schema))

    async def close(self, seconds: float = 2.0) -> None:
        """Close the pool, giving its users so long to finish."""
        if self._pool is not None:
            try:
                await asyncio.wait_for(self._pool.close(), seconds)
            except TimeoutError:
                self._pool.terminate()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Lend a connection for single statements. Raises Unavailable when Postgres is away or all are in use."""
        async with _connection_errors(), self._acquired() as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Lend a connection in a transaction that commits at the end, or rolls back on an exception.

        Before it commits, the cache is told of the objects it has raised. Raises Unavailable when the cache does not
        answer, and the policy of these objects is to wait for it.
        """
        async with _connection_errors(), self._acquired() as connection:
            transaction, raised = Transaction(connection), None
            try:
                async with connection.transaction():
                    yield transaction
                    if self._raising is not None:
                        raised = await self._raising.before_commit(transaction.raised)
            except asyncpg.PostgresError as error:
                if self._raising is not None and raised is not None and _has_rolled_back(error):
                    await self._raising.take_back(raised)
                raise

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator["asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"]:
        if self._pool is None:
            raise Unavailable("The database is not connected yet")
        asked_at = time.perf_counter()
        try:
            connection = await self._pool.acquire(timeout=ACQUIRE_SECONDS)
        except TimeoutError as error:
            raise Unavailable("All connections to the database are in use" if self._full else _AWAY) from error
        except asyncpg.PostgresError as error:  # it lets nobody in, or not this role
            raise Unavailable(_AWAY) from error
        finally:
            had_at = time.perf_counter()
            self._waited(had_at - asked_at)
        try:
            yield connection
            self._answered_at = time.monotonic()
        finally:
            held = time.perf_counter() - had_at
            self._held(held)
            spent.on_database(held)
            await self._pool.release(connection, timeout=RELEASE_SECONDS)

    @property
    def _full(self) -> bool:
        return self._pool is not None and self._pool.get_idle_size() == 0 and self._pool.get_size() == self._size

    async def check(self) -> None:
        """Pass when Postgres answers a query, or all connections are in use and it answers those."""
        if self._full and time.monotonic() - self._answered_at < ANSWERED_LATELY_SECONDS:
            return
        async with self.reading() as connection:
            await connection.execute("SELECT 1")

    async def listen_connection(self) -> "asyncpg.Connection[asyncpg.Record]":
        """Open a connection of its own, past any pooler, for LISTEN."""
        url = self._settings.database_direct_url or self._settings.database_url
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT_SECONDS,
            command_timeout=ANSWER_SECONDS,
            server_settings={"application_name": f"aurelius-{self._schema}-relay"},
        )
        await self._prepare(connection)
        return connection


@asynccontextmanager
async def _connection_errors() -> AsyncIterator[None]:
    try:
        yield
    except (*_LOST, *_LOST_ALSO, *_LOST_UNNOTICED, *_TOO_SLOW) as error:
        raise Unavailable(_AWAY) from error


def _has_rolled_back(error: asyncpg.PostgresError) -> bool:
    """Whether the answer to a COMMIT says that it was none: one that ended the connection may have come after it."""
    return getattr(error, "severity_en", None) == "ERROR"


async def _set_codecs(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=_encode_json, decoder=msgspec.json.decode, format="text"
        )
    await connection.set_type_codec("uuid", schema="pg_catalog", encoder=str, decoder=str, format="text")


def _unheard(_: float) -> None:
    """Nobody measures."""


async def _keep(_: object) -> None:
    """Leave a connection that comes back as it is: nobody changes session state, and RESET is a round trip a use."""


def _encode_json(value: object) -> str:
    return msgspec.json.encode(value).decode()

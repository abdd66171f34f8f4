"""One connection, known by the variable its URL is from; what goes wrong on it comes out as a sentence."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg

from shared.runtime.migrations.sentences import MigrationFailed, lost, no_connection, refusal, require_url

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

OLDEST_POSTGRES = 15
"""The oldest major version that has passed the tests."""
REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,  # of which a wrong password is one
    asyncpg.ProtocolViolationError,  # how PgBouncer before 1.21 says it
)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InternalClientError,  # the server said goodbye to a connection that nobody used, and has not hung up yet
)
_CONNECT_SECONDS = 5
_CLOSE_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Session:
    """Who is connected to which database. `user` is the one that logged in."""

    connection: Connection
    user: str
    database: str

    async def ask(self, query: str, *arguments: object) -> object:
        """Return one value, in a transaction: a transaction pooler may change the server process after each."""
        return await _ask(self.connection, query, *arguments)


async def connect_owner(variable: str, url: str) -> Connection:
    """Connect as the owner. Raises MigrationFailed."""
    try:
        return await connect(variable, url)
    except REFUSED as error:
        raise MigrationFailed(no_connection(variable, error)) from None


async def connect(variable: str, url: str) -> Connection:
    """Connect. Raises REFUSED when the server refuses the user or the password, otherwise MigrationFailed."""
    require_url(variable, url)
    try:
        # No statement is run twice; and a transaction pooler would mix up ours with those that others have prepared.
        return await asyncpg.connect(url, timeout=_CONNECT_SECONDS, statement_cache_size=0)
    except REFUSED:
        raise
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise MigrationFailed(no_connection(variable, error)) from None


@asynccontextmanager
async def session(variable: str, connection: Connection) -> AsyncIterator[Session]:
    """Lend the connection, and close it. Raises MigrationFailed for what Postgres refuses meanwhile."""
    user, database = "", ""
    try:
        major = connection.get_server_version().major
        if major < OLDEST_POSTGRES:
            raise MigrationFailed(f"the server is Postgres {major}, too old: it must be {OLDEST_POSTGRES} or newer")
        user = str(await _ask(connection, "SELECT session_user"))
        database = str(await _ask(connection, "SELECT current_database()"))
        yield Session(connection, user, database)
    except _LOST as error:
        raise MigrationFailed(lost(variable, error)) from error
    except asyncpg.PostgresError as error:
        raise MigrationFailed(refusal(error, variable, user, database)) from error
    except (OSError, asyncpg.InterfaceError) as error:
        if not connection.is_closed():
            raise
        raise MigrationFailed(lost(variable, error)) from error
    finally:
        # What was done is committed or undone: how the connection ends changes neither. It is cut off if it has to be.
        with contextlib.suppress(OSError, *_LOST, asyncpg.InterfaceError):
            await connection.close(timeout=_CLOSE_SECONDS)


async def _ask(connection: Connection, query: str, *arguments: object) -> object:
    async with connection.transaction():
        return await connection.fetchval(query, *arguments)

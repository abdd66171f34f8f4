"""A connection for work that takes its time: with no limit of a transaction, and one at a time on each schema."""

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import asyncpg

from shared.contracts.errors import Conflict

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

LOCK_SECONDS = 10
"""How long a statement waits for its table. Reads and writes go on meanwhile: what it asks for stops neither."""
CONNECT_SECONDS = 5.0
CLOSE_SECONDS = 2.0

# The first number only has to be ours. They are locks of the database and go with their session, so that whoever is
# killed leaves none.
_LOCK = "SELECT pg_try_advisory_lock(4711002, hashtext($1))"
_UNLOCK = "SELECT pg_advisory_unlock(4711002, hashtext($1))"

# A service's role begins with limits on transactions (`shared.runtime.time_limits`), which vacuuming a large table and
# making an index outlast.
_LIMITS = ("statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout")
_WITHOUT_LIMITS = """
SELECT set_config(name, '0', false) FROM pg_settings WHERE name = ANY ($1::text[])
UNION ALL
SELECT set_config('lock_timeout', $2, false)
"""


@asynccontextmanager
async def care_session(url: str, name: str) -> AsyncIterator[Connection]:
    """Lend a connection of its own, known to the server as `name`; not through a transaction pooler.

    Raises OSError, asyncpg.PostgresError and asyncpg.InterfaceError.
    """
    connection = await asyncpg.connect(
        url, timeout=CONNECT_SECONDS, statement_cache_size=0, server_settings={"application_name": name}
    )
    try:
        await connection.execute(_WITHOUT_LIMITS, list(_LIMITS), f"{LOCK_SECONDS}s")
        yield connection
    finally:
        try:
            await connection.close(timeout=CLOSE_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):  # cut off, if it has to be
            connection.terminate()


@asynccontextmanager
async def alone_on(connection: Connection, schema: str) -> AsyncIterator[None]:
    """Keep everybody else who cares for the schema out, on this database. Raises Conflict when somebody is at it.

    It is not waited for: who waits inside a statement holds a snapshot, and CREATE INDEX CONCURRENTLY waits for those.
    """
    if not await connection.fetchval(_LOCK, schema):
        raise Conflict(
            f"Somebody else analyzes, vacuums or indexes the schema {schema} now; try again when that has ended"
        )
    try:
        yield
    finally:
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):  # then it is gone already
            await connection.execute(_UNLOCK, schema)

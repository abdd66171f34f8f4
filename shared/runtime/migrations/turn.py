"""One migration at a time, and none that queues for a table for long: who waits for a lock stops all who come later."""

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg

from shared.runtime.migrations.sentences import MigrationFailed
from shared.runtime.migrations.session import Connection

# The number only has to be ours. It is a lock of the database, not of the server.
_LOCK = 4_711_001
TURN_SECONDS = 300
"""How long another migration may take: it may be building an index."""
LOCK_SECONDS = 2
"""How long a statement may wait for a lock, and with it everybody behind it."""
PAUSE_SECONDS = 1.0
ATTEMPTS = 5
"""Together they outlast a transaction of the services, which ends within five seconds."""

_OLDEST = """
SELECT format('process %s of %s', pid, coalesce(nullif(application_name, ''), usename)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
ORDER BY xact_start LIMIT 1
"""


async def in_turn(connection: Connection, work: Callable[[], Awaitable[object]]) -> None:
    """Do `work` in a transaction, alone among migrations of this database; over again when it gets no lock.

    Raises MigrationFailed when it never does. Nothing is left of an attempt that failed.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            await asyncio.sleep(PAUSE_SECONDS)
        try:
            async with connection.transaction():
                await _take_turn(connection)
                await work()
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
            continue
        return
    async with connection.transaction():
        oldest = await connection.fetchval(_OLDEST)
    raise MigrationFailed(
        f"a lock could not be had in {ATTEMPTS} attempts of {LOCK_SECONDS} s: another transaction holds it"
        + (f", the oldest is that of {oldest}" if oldest else "")
        + ". Let it end or end it (pg_terminate_backend), then start again"
    )


async def _take_turn(connection: Connection) -> None:
    await connection.execute(f"SET LOCAL lock_timeout = '{TURN_SECONDS}s'")
    try:
        await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")
    except asyncpg.LockNotAvailableError as error:
        raise MigrationFailed(
            f"another migration of this database has not ended for {TURN_SECONDS} s: let it end, then start again"
        ) from error
    await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")

"""Waiting for the end of every transaction that has raised a version and may not have told the cache of it."""

import asyncio
import logging
from typing import Final, cast

from shared.contracts.errors import Unavailable
from shared.runtime.database import Database

log = logging.getLogger(__name__)

# Whoever raises a version holds this lock on the table until its transaction is visible to all or undone: whatever role
# it has, through whatever pooler. Nobody else does, however long their transactions are. What a standby shows are its
# own locks, and not those of the server where the writers are.
_WRITERS: Final = """
SELECT pg_is_in_recovery() AS standby, coalesce(array_agg(DISTINCT virtualtransaction), '{}') AS writers
FROM pg_locks
WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
  AND relation = 'object_version'::regclass
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""

FIRST_PAUSE: Final = 0.002
LONGEST_PAUSE: Final = 0.05
# Far above what our own transactions may take.
PATIENCE: Final = 10.0


async def writers_ended(database: Database) -> None:
    """Return when each transaction that has raised a version by now has ended; later ones are not waited for.

    Raises Unavailable when Postgres does not answer, or is a standby.
    """
    waited_for = await _writers(database)
    loop = asyncio.get_running_loop()
    began, pause, told = loop.time(), FIRST_PAUSE, False
    while waited_for:
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
        waited_for &= await _writers(database)
        if waited_for and not told and loop.time() - began > PATIENCE:
            told = True
            log.warning(
                "the cache stays closed until these transactions have ended (virtualtransaction in pg_locks): %s",
                ", ".join(sorted(waited_for)),
            )


async def _writers(database: Database) -> set[str]:
    async with database.reading() as connection:
        row = await connection.fetchrow(_WRITERS)
    if row is None or row["standby"]:
        raise Unavailable("The database is a standby: who writes is not known there")
    return set(cast("list[str]", row["writers"]))

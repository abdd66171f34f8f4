"""Has the database count statements, where the server can: what `aurelius db slow-queries` shows."""

import asyncpg

from shared.runtime.migrations.session import Connection

_LOADED = """
SELECT EXISTS (SELECT FROM pg_settings WHERE name = 'pg_stat_statements.max')
       AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements')
       AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_stat_statements')
"""
# Not into a schema of a service's own: it shows what all do, to each what its rights allow.
_CREATE = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA public"


async def ensure_statement_counts(connection: Connection) -> None:
    """Make the extension pg_stat_statements if the server has loaded it and the owner may; in the caller's transaction.

    Nothing needs it, so that a database without it is none the worse.
    """
    if not await connection.fetchval(_LOADED):
        return
    try:
        async with connection.transaction():
            await connection.execute(_CREATE)
    except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidSchemaNameError, asyncpg.UniqueViolationError):
        return

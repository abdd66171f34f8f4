"""The statements that took most, as the extension pg_stat_statements counts them."""

import re
from collections.abc import Mapping

import asyncpg
import msgspec

from shared.contracts.database_messages import SlowQuery, SlowQueryPage, SlowQuerySort
from shared.runtime.database import Connection

EXTENSION = "pg_stat_statements"
MAX_TEXT = 4000
MISSING = (
    "The server does not count statements. Add pg_stat_statements to shared_preload_libraries (postgresql.conf, or the "
    "parameter group of a managed server) and restart it, then run, as an administrator and in this database: "
    "CREATE EXTENSION pg_stat_statements"
)
NOT_MADE = (
    "The server counts statements, but this database lacks the extension that shows them: run, as an administrator and "
    "in this database: CREATE EXTENSION pg_stat_statements"
)
NOT_LOADED = (
    "The database has the extension pg_stat_statements, but the server has not loaded it: add it to "
    "shared_preload_libraries and restart the server"
)
TOO_OLD = (
    "The extension pg_stat_statements is older than its library, as after an upgrade of the server: run, as an "
    "administrator and in this database: ALTER EXTENSION pg_stat_statements UPDATE"
)
SWITCHED_OFF = (
    "The server has pg_stat_statements, and is told to count nothing: set pg_stat_statements.track = top and "
    "compute_query_id = auto (postgresql.conf, or the parameter group of a managed server), and reload its settings"
)

# Of a library that is not loaded there are no settings here, whatever the configuration says.
_LOADED = "SELECT EXISTS (SELECT FROM pg_settings WHERE name = 'pg_stat_statements.track')"
_SWITCHED_OFF = """
SELECT current_setting('pg_stat_statements.track', true) = 'none' OR current_setting('compute_query_id', true) = 'off'
"""
_SCHEMA = f"""
SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace
WHERE extname = '{EXTENSION}'
"""  # noqa: S608  # our own word
_ORDER: Mapping[SlowQuerySort, str] = {
    "total": "total_exec_time", "mean": "mean_exec_time", "max": "max_exec_time", "calls": "calls", "rows": "rows",
}  # fmt: skip
# Of another role's statements a plain role sees the figures without the text.
_STATEMENTS = """
SELECT queryid::text AS id, coalesce(rolname, userid::text) AS role, query, calls, total_exec_time AS total_ms,
       mean_exec_time AS mean_ms, max_exec_time AS max_ms, stddev_exec_time AS stddev_ms, rows,
       shared_blks_hit AS blocks_hit, shared_blks_read AS blocks_read, temp_blks_written AS blocks_spilled
FROM {schema}.pg_stat_statements LEFT JOIN pg_roles AS r ON r.oid = userid
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND queryid IS NOT NULL
  AND ($2::name IS NULL OR rolname = $2)
ORDER BY {order} DESC, queryid LIMIT $1
"""
_SINCE = "SELECT stats_reset FROM {schema}.pg_stat_statements_info"

# Constants of all others stay in their text: a password, in ALTER ROLE.
_SHOWN = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(?:SELECT|INSERT|UPDATE|DELETE|WITH|VALUES|MERGE|TABLE)\b",
    re.IGNORECASE | re.DOTALL,
)


async def list_slow_queries(
    connection: Connection, sort: SlowQuerySort, limit: int, *, role: str | None = None
) -> SlowQueryPage:
    """Return the statements of this database that took most, or of one role's; advice where nobody counts them."""
    schema = await connection.fetchval(_SCHEMA)
    if schema is None:
        return _unavailable(NOT_MADE if await connection.fetchval(_LOADED) else MISSING)
    try:
        since = await connection.fetchval(_SINCE.format(schema=schema))
        query = _STATEMENTS.format(schema=schema, order=_ORDER[sort])
        rows = await connection.fetch(query, limit, role)
        if await connection.fetchval(_SWITCHED_OFF):
            return _unavailable(SWITCHED_OFF)
    except asyncpg.ObjectNotInPrerequisiteStateError:
        return _unavailable(NOT_LOADED)
    except (asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError):
        return _unavailable(TOO_OLD)
    items = [_shown(msgspec.convert(dict(row), SlowQuery)) for row in rows]
    return msgspec.convert({"available": True, "advice": None, "counted_since": since, "items": items}, SlowQueryPage)


def _unavailable(advice: str) -> SlowQueryPage:
    return SlowQueryPage(available=False, advice=advice, counted_since=None, items=[])


def _shown(found: SlowQuery) -> SlowQuery:
    if _SHOWN.match(found.query):
        return msgspec.structs.replace(found, query=found.query.strip()[:MAX_TEXT])
    return msgspec.structs.replace(found, query=f"{' '.join(found.query.split()[:2])} ...")

"""What Postgres knows of each table: its size, its rows, when it was looked after, and what is being done to it."""

from collections.abc import Mapping, Sequence

import msgspec

from shared.contracts.database_messages import Progress, TableState, UpkeepCommand
from shared.runtime.care.spare import is_worth_a_word, spare_of_table
from shared.runtime.database import Connection

DEAD_FRACTION = 0.2
"""Of a table's rows: autovacuum comes at this share, so that more of them says that it does not keep up."""
DEAD_ROWS = 1000
CHANGED_FRACTION = 0.2

# Columns that nobody has analyzed have no mean width, and then the table has no estimate of what is spare.
_TABLES = """
SELECT c.oid::bigint AS oid, n.nspname AS schema, c.relname AS name,
       format('%I.%I', n.nspname, c.relname) AS identifier,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END AS rows_estimate,
       pg_total_relation_size(c.oid) AS total_bytes,
       pg_relation_size(c.oid) AS table_bytes,
       coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) AS toast_bytes,
       pg_indexes_size(c.oid) AS index_bytes,
       coalesce(s.n_dead_tup, 0) AS dead_rows, coalesce(s.n_mod_since_analyze, 0) AS changed_rows,
       greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed_at,
       greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at,
       width.bytes AS row_bytes
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_user_tables AS s ON s.relid = c.oid
LEFT JOIN LATERAL (
    SELECT CASE WHEN count(*) = count(p.avg_width) THEN sum((1 - p.null_frac) * p.avg_width) END AS bytes
    FROM pg_attribute AS a
    LEFT JOIN pg_stats AS p ON (p.schemaname, p.tablename, p.attname) = (n.nspname, c.relname, a.attname)
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
) AS width ON true
WHERE n.nspname = ANY ($1::text[]) AND c.relkind = 'r'
ORDER BY total_bytes DESC, schema, name
"""

_RUNNING = """
SELECT relid::bigint AS oid, 'vacuum' AS command, phase,
       CASE phase WHEN 'scanning heap' THEN heap_blks_scanned WHEN 'vacuuming heap' THEN heap_blks_vacuumed END AS done,
       heap_blks_total AS of
FROM pg_stat_progress_vacuum WHERE datname = current_database() AND relid IS NOT NULL
UNION ALL
SELECT relid::bigint, 'analyze', phase,
       CASE phase WHEN 'acquiring sample rows' THEN sample_blks_scanned END, sample_blks_total
FROM pg_stat_progress_analyze WHERE datname = current_database() AND relid IS NOT NULL
"""


async def describe_tables(connection: Connection, schemas: Sequence[str]) -> list[TableState]:
    """Return every table of the schemas, the largest first; its rows are not counted."""
    running = {row["oid"]: _progress(dict(row)) for row in await connection.fetch(_RUNNING)}
    return [_state(dict(row), running.get(row["oid"])) for row in await connection.fetch(_TABLES, list(schemas))]


async def identifiers(connection: Connection, schema: str) -> dict[str, str]:
    """Return the tables of a schema, each by its name with the identifier that SQL takes, the smallest first."""
    rows = await connection.fetch(_TABLES, [schema])
    return {row["name"]: row["identifier"] for row in reversed(rows)}


async def running_on(connection: Connection, identifier: str) -> Progress | None:
    """Return the VACUUM or ANALYZE that is at a table now, of those that this user may see."""
    oid = await connection.fetchval("SELECT to_regclass($1)::oid::bigint", identifier)
    return next((_progress(dict(row)) for row in await connection.fetch(_RUNNING) if row["oid"] == oid), None)


async def count_rows(connection: Connection, identifier: str) -> int:
    """Count the rows of a table that `identifiers` names: it is read whole."""
    count = await connection.fetchval(f"SELECT count(*) FROM {identifier}")  # noqa: S608  # quoted by the server
    return int(str(count))


def _progress(row: Mapping[str, object]) -> Progress:
    done, of = row["done"], row["of"]
    command: UpkeepCommand = "vacuum" if row["command"] == "vacuum" else "analyze"
    fraction = round(done / of, 4) if isinstance(done, int) and isinstance(of, int) and of else None
    return Progress(command=command, phase=str(row["phase"]), fraction=fraction)


def _state(row: Mapping[str, object], running: Progress | None) -> TableState:
    rows, width = row["rows_estimate"], row["row_bytes"]
    known = isinstance(rows, int) and width is not None
    spare = spare_of_table(int(str(rows)), float(str(width)), int(str(row["table_bytes"]))) if known else None
    own: dict[str, object] = {"rows": None, "spare_bytes_estimate": spare, "running": running, "hints": []}
    return _with_hints(msgspec.convert({**row, **own}, TableState))


def _with_hints(table: TableState) -> TableState:
    """Add what there is to be done, if anything is."""
    hints = []
    rows = table.rows_estimate or 0
    if table.dead_rows > DEAD_ROWS and table.dead_rows > DEAD_FRACTION * (rows + table.dead_rows):
        share = 100 * table.dead_rows / (rows + table.dead_rows)
        hints.append(f"{share:.0f} % of its rows are dead: vacuum it, and look for a transaction that stays open")
    elif (spare := table.spare_bytes_estimate) is not None and is_worth_a_word(spare, table.table_bytes):
        hints.append(
            f"about {spare / 2**20:.0f} MiB of it are free and will be used by new rows; only VACUUM FULL, which locks "
            "the table, gives them back to the disk"
        )
    if table.rows_estimate is None and table.table_bytes:
        hints.append("the planner knows nothing of it: analyze it")
    elif table.changed_rows > DEAD_ROWS and table.changed_rows > CHANGED_FRACTION * rows:
        hints.append("much of it has changed since its statistics were made: analyze it")
    return msgspec.structs.replace(table, hints=hints)

"""ANALYZE and VACUUM, table by table and outside of transactions, by one process at a time."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import asyncpg

from shared.contracts.database_messages import UpkeepCommand
from shared.contracts.errors import Forbidden, NotFound
from shared.runtime.care.session import Connection
from shared.runtime.care.tables import describe_tables, identifiers
from shared.runtime.migrations.privileges import MAINTAIN_SINCE

Tell = Callable[[str], None]
"""Given each table before it is begun."""

_STATEMENTS: Mapping[UpkeepCommand, str] = {"analyze": "ANALYZE {}", "vacuum": "VACUUM (ANALYZE) {}"}

# Whoever may not is told so by a warning alone, and nothing is done.
_OWNS = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass($1)"
_MAY = "SELECT has_table_privilege($1::text, 'MAINTAIN')"


async def tables_for(connection: Connection, schema: str, name: str | None) -> dict[str, str]:
    """Return what to take care of: a table of the schema, or all this user may, each with its identifier.

    Raises NotFound for a table that is not there, Forbidden for one that the user may not take care of.
    """
    known = await identifiers(connection, schema)
    chosen = known if name is None else {name: known[name]} if name in known else {}
    if not chosen:
        raise NotFound(f"There is no table {schema}.{name}")
    allowed = {table: identifier for table, identifier in chosen.items() if await _may(connection, identifier)}
    if not allowed:
        raise Forbidden(
            "The role of the service may not analyze and vacuum its tables: before Postgres 17 their owner alone may, "
            "and from then on migrations give it the right. As the owner run aurelius db analyze or aurelius db vacuum"
        )
    return allowed


async def _may(connection: Connection, identifier: str) -> bool:
    has_right = connection.get_server_version().major >= MAINTAIN_SINCE
    return bool(await connection.fetchval(_MAY if has_right else _OWNS, identifier))


async def take_care(connection: Connection, command: UpkeepCommand, tables: Mapping[str, str], tell: Tell) -> list[str]:
    """Analyze or vacuum tables one after the other; returns those that somebody else had locked for too long.

    Inside `alone_on`. Raises asyncpg's errors.
    """
    busy = []
    for name, identifier in tables.items():
        tell(name)
        try:
            await connection.execute(_STATEMENTS[command].format(identifier))
        except asyncpg.LockNotAvailableError:
            busy.append(name)
    return busy


async def stale_tables(connection: Connection, schema: str, before: datetime) -> Sequence[str]:
    """Return the tables that have changed since their statistics were made, where that was before a moment."""
    return [
        table.name
        for table in await describe_tables(connection, [schema])
        if table.changed_rows and (table.analyzed_at is None or table.analyzed_at < before)
    ]

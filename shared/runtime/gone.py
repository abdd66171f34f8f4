"""What was deleted: its object keeps its version for ever, so that its absence can be cached like an answer."""

from typing import Literal, cast

from shared.contracts.errors import NotFound
from shared.runtime.database import Connection

Table = Literal["strategies", "backtests", "sweeps", "datasets"]

# One statement: that there is no row, and at which version of the object there is none.
_GONE = """
SELECT version FROM object_version WHERE object = $1 AND NOT EXISTS (SELECT FROM {table} WHERE id = $2)
"""


async def not_found(connection: Connection, detail: str, table: Table, entity_id: str, obj: str) -> NotFound:
    """Return the error to raise for an entity that its owner's read has not found.

    For one that was deleted, and is so for everybody, it says at which version of the object `obj`. For one that is
    another owner's it does not, nor for an id that never was one: those are without number.
    """
    version = cast("int | None", await connection.fetchval(_GONE.format(table=table), obj, entity_id))
    return NotFound(detail, versions={} if version is None else {obj: version})

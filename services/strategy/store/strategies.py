"""The table of strategies, with every version of their spec."""

import asyncpg
import msgspec

from shared.contracts.errors import Unauthenticated
from shared.contracts.objects import strategy_object
from shared.contracts.values import Strategy
from shared.runtime.database import Connection

COLUMNS = "id, name, description, spec, spec_hash, version, revision, status, owner_id, created_at, updated_at"

_READ = """
SELECT s.*, coalesce(o.version, 0) AS object_version
FROM strategies AS s LEFT JOIN object_version AS o ON o.object = $3
WHERE s.id = $1 AND s.owner_id = $2
"""

_READ_VERSION = """
SELECT s.id, s.name, s.description, v.spec, v.spec_hash, v.version, s.revision, s.status, s.owner_id, s.created_at,
       s.updated_at, coalesce(o.version, 0) AS object_version
FROM strategies AS s
JOIN strategy_versions AS v ON v.strategy_id = s.id AND v.version = $4
LEFT JOIN object_version AS o ON o.object = $3
WHERE s.id = $1 AND s.owner_id = $2
"""

_LOCK = f"SELECT {COLUMNS} FROM strategies WHERE id = $1 AND owner_id = $2 FOR UPDATE"  # noqa: S608  # our columns

_INSERT = f"""
INSERT INTO strategies ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""  # noqa: S608  # our own columns

_INSERT_VERSION = """
INSERT INTO strategy_versions (strategy_id, version, spec, spec_hash, created_at) VALUES ($1, $2, $3, $4, $5)
"""

_UPDATE = """
UPDATE strategies
SET name = $2, description = $3, spec = $4, spec_hash = $5, version = $6, revision = $7, updated_at = $8
WHERE id = $1
"""

_DELETE = "DELETE FROM strategies WHERE id = $1"


async def read_strategy(
    connection: Connection, strategy_id: str, owner_id: str, version: int | None = None
) -> tuple[Strategy, int] | None:
    """Return an owner's strategy, with the spec of `version` if one is named, and its object version."""
    arguments: list[object] = [strategy_id, owner_id, strategy_object(strategy_id)]
    if version is None:
        row = await connection.fetchrow(_READ, *arguments)
    else:
        row = await connection.fetchrow(_READ_VERSION, *arguments, version)
    return None if row is None else (_strategy(row), row["object_version"])


async def lock_strategy(connection: Connection, strategy_id: str, owner_id: str) -> Strategy | None:
    """Return an owner's strategy, locked until the transaction ends."""
    row = await connection.fetchrow(_LOCK, strategy_id, owner_id)
    return None if row is None else _strategy(row)


async def insert_strategy(connection: Connection, strategy: Strategy) -> None:
    """Store a strategy with the first version of its spec. Raises Unauthenticated when its owner has no account."""
    values = [getattr(strategy, name) for name in COLUMNS.split(", ")]
    try:
        await connection.execute(_INSERT, *values)
    except asyncpg.ForeignKeyViolationError as error:
        raise Unauthenticated("This account does not exist any more; register again") from error
    await _insert_version(connection, strategy)


async def update_strategy(connection: Connection, strategy: Strategy, *, new_version: bool) -> None:
    """Store a changed strategy, locked before, and its spec as a new version if it is one."""
    await connection.execute(
        _UPDATE,
        strategy.id,
        strategy.name,
        strategy.description,
        strategy.spec,
        strategy.spec_hash,
        strategy.version,
        strategy.revision,
        strategy.updated_at,
    )
    if new_version:
        await _insert_version(connection, strategy)


async def delete_strategy(connection: Connection, strategy_id: str) -> None:
    """Delete a strategy, locked before, with all its versions."""
    await connection.execute(_DELETE, strategy_id)


async def _insert_version(connection: Connection, strategy: Strategy) -> None:
    await connection.execute(
        _INSERT_VERSION, strategy.id, strategy.version, strategy.spec, strategy.spec_hash, strategy.updated_at
    )


def _strategy(row: asyncpg.Record) -> Strategy:
    return msgspec.convert(dict(row), Strategy)

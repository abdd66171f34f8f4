"""The specs that a strategy has had. They never change, and go with it."""

import asyncpg
import msgspec

from services.strategy.core.version_cursor import cursor_after
from shared.contracts.objects import strategy_object
from shared.contracts.values import StrategyVersion, StrategyVersionPage
from shared.runtime.database import Connection

# With fewer, the planner may take a sort of all of them to be cheaper.
_SHORTEST_WALK = 51

_COLUMNS = "strategy_id, version, spec, spec_hash, created_at"

_READ = """
SELECT v.strategy_id, v.version, v.spec, v.spec_hash, v.created_at, coalesce(o.version, 0) AS object_version
FROM strategies AS s
JOIN strategy_versions AS v ON v.strategy_id = s.id AND v.version = $4
LEFT JOIN object_version AS o ON o.object = $3
WHERE s.id = $1 AND s.owner_id = $2
"""


async def read_version(
    connection: Connection, strategy_id: str, owner_id: str, version: int
) -> tuple[StrategyVersion, int] | None:
    """Return one version of an owner's strategy, and the strategy's object version."""
    row = await connection.fetchrow(_READ, strategy_id, owner_id, strategy_object(strategy_id), version)
    return None if row is None else (_version(row), row["object_version"])


async def list_versions(
    connection: Connection, strategy_id: str, owner_id: str, newest: int, limit: int
) -> tuple[StrategyVersionPage, int] | None:
    """Return a page of an owner's strategy's versions from `newest` down, and the strategy's object version."""
    arguments = (strategy_id, owner_id, strategy_object(strategy_id), newest)
    rows = await connection.fetch(_page(limit), *arguments)
    if not rows:
        return None
    found = [_version(row) for row in rows if row["strategy_id"] is not None]
    items = found[:limit]
    cursor = cursor_after(strategy_id, items[-1].version) if len(found) > limit else None
    return StrategyVersionPage(items=items, next_cursor=cursor), rows[0]["object_version"]


def _page(limit: int) -> str:
    """Return the query: a walk along the primary key, as `page_query` has them, which reads no more than the page."""
    return f"""
    SELECT coalesce(o.version, 0) AS object_version, page.*
    FROM strategies AS s
    LEFT JOIN object_version AS o ON o.object = $3
    LEFT JOIN LATERAL (
        SELECT * FROM (
            SELECT {_COLUMNS} FROM strategy_versions
            WHERE (strategy_id, version) <= ($1, $4)
            ORDER BY strategy_id DESC, version DESC LIMIT {max(limit + 1, _SHORTEST_WALK)}
        ) AS walk
        WHERE strategy_id = $1 LIMIT {limit + 1}
    ) AS page ON TRUE
    WHERE s.id = $1 AND s.owner_id = $2
    ORDER BY page.version DESC
    """  # noqa: S608  # our own columns and numbers


def _version(row: asyncpg.Record) -> StrategyVersion:
    return msgspec.convert(dict(row), StrategyVersion)

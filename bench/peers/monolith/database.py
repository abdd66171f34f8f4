"""All SQL, on asyncpg."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg

from bench.peers.monolith.models import EquityCurve, EquityPoint, Strategy, StrategyPage

SCHEMA = """
CREATE TABLE strategies (
    id uuid PRIMARY KEY,
    owner_id uuid NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    spec jsonb NOT NULL,
    spec_hash text NOT NULL,
    version integer NOT NULL,
    revision integer NOT NULL,
    status text NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX strategies_newest_first ON strategies (owner_id, created_at DESC, id DESC);
CREATE TABLE backtests (id uuid PRIMARY KEY, owner_id uuid NOT NULL);
CREATE TABLE equity_points (
    backtest_id uuid NOT NULL REFERENCES backtests ON DELETE CASCADE,
    time timestamptz NOT NULL,
    equity double precision NOT NULL,
    drawdown double precision NOT NULL,
    position double precision NOT NULL,
    PRIMARY KEY (backtest_id, time)
);
"""

_FIND = "SELECT * FROM strategies WHERE id = $1 AND owner_id = $2"

_LIST = """
SELECT * FROM strategies
WHERE owner_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
ORDER BY created_at DESC, id DESC
LIMIT $4
"""

_CHANGE = """
UPDATE strategies
SET name = coalesce($3, name), description = coalesce($4, description), revision = revision + 1, updated_at = now()
WHERE id = $1 AND owner_id = $2
RETURNING *
"""

_DELETE = "DELETE FROM strategies WHERE id = $1 AND owner_id = $2 RETURNING id"

_EQUITY = """
SELECT time, equity, drawdown, position FROM equity_points
WHERE backtest_id = (SELECT id FROM backtests WHERE id = $1 AND owner_id = $2)
ORDER BY time
LIMIT $3
"""


class BadCursor(ValueError):
    """A cursor that no page has given."""


class Database:
    """What the application asks of Postgres."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def find_strategy(self, strategy_id: UUID, owner_id: UUID) -> Strategy | None:
        """Return an owner's strategy."""
        row = await self._pool.fetchrow(_FIND, strategy_id, owner_id)
        return None if row is None else Strategy(**dict(row))

    async def list_strategies(self, owner_id: UUID, limit: int, cursor: str | None) -> StrategyPage:
        """Return a page, newest first. Raises BadCursor."""
        before = (None, None) if cursor is None else _decode(cursor)
        rows = await self._pool.fetch(_LIST, owner_id, *before, limit + 1)
        items = [Strategy(**dict(row)) for row in rows[:limit]]
        return StrategyPage(items=items, next_cursor=_encode(items[-1]) if len(rows) > limit else None)

    async def change_strategy(
        self, strategy_id: UUID, owner_id: UUID, name: str | None, description: str | None
    ) -> Strategy | None:
        """Change what is given; return the strategy as it is then."""
        row = await self._pool.fetchrow(_CHANGE, strategy_id, owner_id, name, description)
        return None if row is None else Strategy(**dict(row))

    async def delete_strategy(self, strategy_id: UUID, owner_id: UUID) -> bool:
        """Delete one; False when there is none."""
        return await self._pool.fetchval(_DELETE, strategy_id, owner_id) is not None

    async def read_equity(self, backtest_id: UUID, owner_id: UUID, points: int) -> EquityCurve | None:
        """Return the first `points` points of a run's curve."""
        rows = await self._pool.fetch(_EQUITY, backtest_id, owner_id, points)
        return EquityCurve(items=[EquityPoint(**dict(row)) for row in rows]) if rows else None


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Database]:
    """Lend a database with a pool of connections."""
    async with asyncpg.create_pool(url, min_size=4, max_size=10, init=_read_json) as pool:
        yield Database(pool)


async def _read_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)


def _encode(last: Strategy) -> str:
    return base64.urlsafe_b64encode(f"{last.created_at.isoformat()}|{last.id}".encode()).decode()


def _decode(cursor: str) -> tuple[datetime, UUID]:
    try:
        moment, _, row_id = base64.urlsafe_b64decode(cursor).decode().partition("|")
        return datetime.fromisoformat(moment), UUID(row_id)
    except ValueError as error:
        raise BadCursor(cursor) from error

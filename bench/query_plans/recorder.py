"""A connection that keeps what runs on it, so that what is explained is what the stores send, never a copy."""

from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from shared.runtime.database import Connection


@dataclass(frozen=True, slots=True)
class Statement:
    """A query and its arguments."""

    query: str
    arguments: tuple[object, ...]


class Recorder:
    """Runs everything on `connection`, and remembers each statement and the rows of the last one."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.statements: list[Statement] = []
        self.rows: Sequence[asyncpg.Record] = ()

    async def fetch(self, query: str, *args: object) -> Sequence[asyncpg.Record]:
        """Return all rows."""
        self.statements.append(Statement(query, args))
        self.rows = await self._connection.fetch(query, *args)
        return self.rows

    async def fetchrow(self, query: str, *args: object) -> asyncpg.Record | None:
        """Return the first row or None."""
        return next(iter(await self.fetch(query, *args)), None)

    async def fetchval(self, query: str, *args: object) -> object:
        """Return the first column of the first row or None."""
        row = await self.fetchrow(query, *args)
        return None if row is None else row[0]

    async def execute(self, query: str, *args: object) -> str:
        """Run a statement and return its command tag."""
        self.statements.append(Statement(query, args))
        return await self._connection.execute(query, *args)

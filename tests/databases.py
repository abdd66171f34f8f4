"""Databases of their own for tests, on one server."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from shared.runtime.database import Database
from shared.runtime.settings import DatabaseSettings


@asynccontextmanager
async def fresh_database(server_url: str, template: str = "template0") -> AsyncIterator[str]:
    """Lend a database made from `template`: empty by default."""
    name = f"test_{uuid.uuid4().hex}"
    await execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield database_of(server_url, name)
    await execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


async def execute(url: str, statement: str) -> None:
    """Run one statement on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def database_of(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    base, _, query = url.partition("?")
    server, _, _ = base.rpartition("/")
    return f"{server}/{name}" + (f"?{query}" if query else "")


@asynccontextmanager
async def connected(url: str, schema: str) -> AsyncIterator[Database]:
    """Lend a service's schema, connected."""
    database = Database(DatabaseSettings(database_url=url), schema)
    await database.connect()
    yield database
    await database.close()

"""Databases of their own for tests, on one server."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

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


async def ask(url: str, query: str, *arguments: object) -> object:
    """Return the first column of the first row, on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query, *arguments)
    finally:
        await connection.close()


_RIGHTS = """
SELECT coalesce(string_agg(privilege, ' ' ORDER BY privilege), '')
FROM unnest(ARRAY['DELETE', 'INSERT', 'REFERENCES', 'SELECT', 'TRIGGER', 'TRUNCATE', 'UPDATE']) AS privilege
WHERE has_table_privilege($1::text, $2::text, privilege)
"""


async def rights_on(url: str, role: str, table: str) -> object:
    """Return what `role` may do with a table, by whatever way it may: the privileges in one text."""
    return await ask(url, _RIGHTS, role, table)


def database_of(url: str, name: str) -> str:
    """Return the URL of another database of the same server."""
    base, _, query = url.partition("?")
    server, _, _ = base.rpartition("/")
    return f"{server}/{name}" + (f"?{query}" if query else "")


def with_account(url: str, user: str, password: str) -> str:
    """Return the URL of the same database for another user."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}").geturl()


def service_url(url: str, service: str) -> str:
    """Return the URL with which a service logs in to a migrated database, as the least-privilege role of its own."""
    return with_account(url, f"aurelius_{service}", f"password-of-{service}")


@asynccontextmanager
async def connected(url: str, service: str) -> AsyncIterator[Database]:
    """Lend a service's schema of the database at `url`, connected as the service connects."""
    database = Database(DatabaseSettings(database_url=service_url(url, service)), service)
    await database.connect()
    yield database
    await database.close()

"""Databases of their own for tests, on one server."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import asyncpg

from shared.runtime.database import Database
from shared.runtime.settings import DatabaseSettings

AS_FILES = "STRATEGY FILE_COPY"
"""Half the work of the usual way, block by block through the log, where no file has to reach a disk."""


@asynccontextmanager
async def fresh_database(server_url: str, template: str = "template0") -> AsyncIterator[str]:
    """Lend a database made from `template`: empty by default."""
    name = f"test_{uuid.uuid4().hex}"
    await execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template} {AS_FILES}")
    yield database_of(server_url, name)
    await execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


class ReadyDatabases:
    """Databases that are made from a template before somebody wants them, and dropped when nobody waits for it.

    Making one is copying four hundred files, and hundreds of tests want one each.
    """

    AHEAD = 3
    SECONDS = 60.0

    def __init__(self, server_url: str, template: str) -> None:
        self._url = server_url
        self._template = template
        self._ready: asyncio.Queue[str] = asyncio.Queue(self.AHEAD)
        self._used: asyncio.Queue[str] = asyncio.Queue()

    async def run(self) -> None:
        """Make and drop databases until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_at(self._make_one))
            group.create_task(self._keep_at(self._drop_one))

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[str]:
        """Lend one. Raises TimeoutError when none can be made."""
        async with asyncio.timeout(self.SECONDS):
            name = await self._ready.get()
        yield database_of(self._url, name)
        self._used.put_nowait(name)

    async def _make_one(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        name = f"test_{uuid.uuid4().hex}"
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {self._template} {AS_FILES}")
        await self._ready.put(name)

    async def _drop_one(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        name = await self._used.get()
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    async def _keep_at(self, work: "Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[None]]") -> None:
        """Do it again and again, on a new connection when a test has ended the old one."""
        while True:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                connection = await asyncpg.connect(self._url)
                try:
                    while True:
                        await work(connection)
                finally:
                    connection.terminate()
            await asyncio.sleep(0.1)


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

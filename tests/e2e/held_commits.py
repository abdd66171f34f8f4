"""Holding a write of a running system: before it is done, or when it is durable and its service does not know."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx

from tests.e2e.platform import Platform

_WRITING = """
SELECT a.pid FROM pg_stat_activity AS a JOIN pg_locks AS l ON l.pid = a.pid
WHERE l.relation = $1::regclass AND NOT l.granted AND position($2 in a.query) > 0
"""
_HELD = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'SyncRep'"


def owner_url(system: Platform) -> str:
    """Where the database is, for its owner."""
    parts = urlsplit(system.given("strategy", "DATABASE_URL"))
    password = (system.data_dir / "postgres" / "password").read_text()
    return parts._replace(netloc=f"aurelius:{password}@{parts.netloc.rpartition('@')[2]}").geturl()


@asynccontextmanager
async def held_write(
    system: Platform, table: str, statement: str, ask: Callable[[], Awaitable[httpx.Response]]
) -> "AsyncIterator[asyncio.Future[httpx.Response]]":
    """Have a request done as far as `statement`, which waits for `table` until the end; lends what will be answered."""
    async with _stopped(system, table, statement, ask) as (asking, _):
        yield asking


@asynccontextmanager
async def held_commit(
    system: Platform, table: str, statement: str, ask: Callable[[], Awaitable[httpx.Response]]
) -> "AsyncIterator[asyncio.Future[httpx.Response]]":
    """Have a request done as far as the COMMIT of the transaction that has `statement` on `table` in it.

    There it waits, durable, for a standby server that there is not. Lends what will be answered; at the end the
    transaction is committed for everybody to see, also if its process is dead by then.
    """
    switch: Any = await asyncpg.connect(owner_url(system))
    try:
        # What comes before its transaction is committed as ever.
        async with _stopped(system, table, statement, ask) as (asking, writer):
            await _wait_for(switch, "'nobody'")
        await _until(lambda: switch.fetchval(_HELD, writer))
        yield asking
    finally:
        await _wait_for(switch, "''")
        await switch.close()


@asynccontextmanager
async def _stopped(
    system: Platform, table: str, statement: str, ask: Callable[[], Awaitable[httpx.Response]]
) -> "AsyncIterator[tuple[asyncio.Future[httpx.Response], int]]":
    gate: Any = await asyncpg.connect(owner_url(system))
    watch: Any = await asyncpg.connect(owner_url(system))
    try:
        async with gate.transaction():
            await gate.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
            asking = asyncio.ensure_future(ask())
            yield asking, await _until(lambda: watch.fetchval(_WRITING, table, statement))
    finally:
        await gate.close()
        await watch.close()


async def _until(ask: Callable[[], Awaitable[Any]]) -> Any:  # whatever it asks for
    async with asyncio.timeout(10):
        while not (found := await ask()):
            await asyncio.sleep(0.002)
    return found


async def _wait_for(connection: Any, standby: str) -> None:  # a connection, whose stubs want a record
    await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = {standby}")
    await connection.execute("SELECT pg_reload_conf()")
    while f"'{await connection.fetchval('SHOW synchronous_standby_names')}'" != standby:
        await asyncio.sleep(0.002)

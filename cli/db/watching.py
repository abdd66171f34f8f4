"""Shows how far the statement of a connection is, from a second one, as long as it lasts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import click

from cli.db.connecting import connected
from shared.runtime.care.session import Connection

LOOK_SECONDS = 1.0


@asynccontextmanager
async def watched(connection: Connection, query: str) -> AsyncIterator[None]:
    """While the block lasts, print to standard error each new phase and percentage that `query` tells of a process.

    It is given the process's number as $1. Whatever becomes of the watching, the work goes on.
    """
    watching = asyncio.create_task(_watch(connection.get_server_pid(), query))
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _watch(pid: int, query: str) -> None:
    told = None
    with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        async with connected() as second:
            while True:
                row = await second.fetchrow(query, pid)
                if row is not None and (now := (row[0], row[1])) != told:
                    click.echo(f"  {row[0]}{'' if row[1] is None else f' {row[1]} %'}", err=True)
                    told = now
                await asyncio.sleep(LOOK_SECONDS)

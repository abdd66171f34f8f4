"""Processes stopped in their tracks: their connections stay open, and answers do not come."""

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import psutil
from redis.asyncio import Redis


@asynccontextmanager
async def frozen(*pids: int) -> AsyncIterator[None]:
    """Stop these processes until the block ends. One may have ended already."""
    _tell(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _tell(pids, signal.SIGCONT)


def _tell(pids: tuple[int, ...], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


@asynccontextmanager
async def frozen_server(url: str) -> AsyncIterator[None]:
    """Stop the Redis-protocol server at `url`."""
    async with Redis.from_url(url, protocol=2) as client:
        pid = int((await client.info("server"))["process_id"])
    async with frozen(pid):
        yield


@asynccontextmanager
async def frozen_postgres(url: str) -> AsyncIterator[None]:
    """Stop the Postgres server at `url`, with all its sessions."""
    connection = await asyncpg.connect(url)
    server = psutil.Process(connection.get_server_pid()).parent()
    await connection.close()
    if server is None:
        raise RuntimeError("the server's process cannot be seen from here")
    async with frozen(server.pid, *(child.pid for child in server.children())):
        yield

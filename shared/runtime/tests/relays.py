"""Relays at work, and what they have stored."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from shared.runtime.database import Database
from shared.runtime.relay import Relay
from shared.runtime.relaying.floors import stored_floors
from shared.runtime.tests.announcing import STREAM
from shared.runtime.tests.eventually import ended


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator["asyncio.Task[None]"]:
    """Run a relay."""
    running = asyncio.create_task(relay.run())
    try:
        yield running
    finally:
        await ended(running)


async def relay_all(relay: Relay) -> None:
    """Have it do all that is due, with the care that it takes now and then."""
    await relay.relay_once(keep=True)
    while relay.more:
        await relay.relay_once(keep=True)


async def stored(database: Database, stream: str = STREAM) -> dict[bytes, int]:
    """Return the floors that the database was told."""
    async with database.reading() as connection:
        return await stored_floors(connection, stream)

"""A strategy's name in the database, its readers through the cache, and writers who can be stopped before a commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from shared.cache.connect import connect
from shared.cache.opening import Opening
from shared.cache.record import Entry
from shared.cache.results import Hit, Miss
from shared.cache.settings import CacheSettings
from shared.cache.store import Cache
from shared.contracts.clock import SystemClock
from shared.contracts.events import StrategyUpdated
from shared.contracts.objects import strategy_object
from shared.runtime.database import Database
from shared.runtime.opener import Opener
from shared.runtime.outbox import announce
from shared.runtime.raising import Policy, Raising
from shared.runtime.settings import DatabaseSettings
from shared.runtime.timings import Timings
from tests.databases import service_url

STRATEGY, OWNER = "018f2c00-0000-7000-8000-000000000001", "018f2c00-0000-7000-8000-000000000002"
OBJECT = strategy_object(STRATEGY)

_READ = """
SELECT name, coalesce(o.version, 0) AS version
FROM strategies AS s LEFT JOIN object_version AS o ON o.object = 'strategy:' || s.id WHERE s.id = $1
"""


async def at_once() -> None:
    """Wait for nothing."""


@dataclass
class Told:
    """The floors of a cache; `then` is awaited when they have been raised, before the writer hears of it."""

    cache: Cache
    then: Callable[[], Awaitable[None]] = at_once
    raised: int = field(default=0)

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Raise them, and wait."""
        answered = await self.cache.raise_(versions, writer)
        self.raised += 1
        await self.then()
        return answered

    async def take_back(self, versions: Mapping[str, int], writer: str) -> None:
        """Lower them."""
        await self.cache.take_back(versions, writer)


@dataclass
class Side:
    """What a service has of both servers."""

    database: Database
    cache: Cache
    floors: Told
    opener: Opener[Opening]
    timings: Timings

    async def write(self, name: str, failure: Exception | None = None) -> int:
        """Give the strategy a name, and fail at the end of the transaction if told to; returns the version."""
        async with self.database.transaction() as connection:
            await connection.execute("UPDATE strategies SET name = $2 WHERE id = $1", STRATEGY, name)
            event = StrategyUpdated(id=STRATEGY, owner=OWNER, version=0, changed=["name"])
            versions = await announce(connection, event, [OBJECT], clock=SystemClock())
            if failure is not None:
                raise failure
        return versions[OBJECT]

    async def read(self) -> tuple[str, str]:
        """Return the name, and whether it was a hit, a miss or a bypass. What is read is offered to the cache."""
        found = await self.cache.get(OBJECT, "doc")
        if isinstance(found, Hit):
            return found.entry.body.decode(), "hit"
        async with self.database.reading() as connection:
            row = await connection.fetchrow(_READ, STRATEGY)
        assert row is not None
        if isinstance(found, Miss):
            entry = Entry(version=row["version"], etag='"1"', owner=OWNER, body=row["name"].encode())
            await self.cache.fill(OBJECT, "doc", found.lease, entry)
        return row["name"], "miss" if isinstance(found, Miss) else "bypass"

    async def open(self) -> None:
        """Have the cache opened. Raises Unavailable."""
        while not await self.cache.is_open("strategy"):
            await self.opener.look()


@asynccontextmanager
async def side(database_url: str, cache_url: str, policy: Policy = "") -> AsyncIterator[Side]:
    """The strategy service's side, with a strategy `old` that nobody has announced."""
    timings = Timings("strategy", "strategy-1")
    cache = connect(CacheSettings(url=cache_url))
    floors = Told(cache)
    settings = DatabaseSettings(database_url=service_url(database_url, "strategy"))
    database = Database(settings, "strategy", raising=Raising(floors, policy, timings))
    await database.connect()
    async with database.transaction() as connection:
        await connection.execute("INSERT INTO users VALUES ($1, 'a@b.c', 'A', 'user', true, 'x', now(), 1)", OWNER)
        await connection.execute(
            "INSERT INTO strategies VALUES ($1, $2, 'old', '', '{}', 'h', 1, 1, 'draft', now(), now())", STRATEGY, OWNER
        )
    try:
        yield Side(database, cache, floors, Opener("strategy", cache, database, timings), timings)
    finally:
        await database.close()
        await cache.close()


class Gate:
    """Stops who comes to it until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def __call__(self) -> None:
        """Wait at it."""
        self.reached.set()
        await self.opened.wait()

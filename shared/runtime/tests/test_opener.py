"""Opening the cache: not before every transaction has ended that raised a version when it was closed."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest

from conftest import TEMPLATE
from shared.cache.fake import FakeCacheStore
from shared.cache.opening import OPENING_SECONDS, Opening
from shared.contracts.clock import SystemClock
from shared.contracts.errors import Unavailable
from shared.contracts.events import StrategyUpdated
from shared.contracts.objects import strategy_object
from shared.runtime.barrier import writers_ended
from shared.runtime.database import Database
from shared.runtime.opener import Opener
from shared.runtime.outbox import announce
from shared.runtime.settings import DatabaseSettings
from shared.runtime.tests.eventually import ended, eventually
from shared.runtime.timings import Timings
from tests.databases import ask, execute, fresh_database, service_url
from tests.frozen import frozen_postgres

pytestmark = pytest.mark.integration

MANY_LOOKS = 60
"""Looks that a barrier takes at who writes within two seconds, which is as good as for ever."""

_IN_LINE = """
SELECT count(*) FROM pg_locks WHERE relation = 'strategy.object_version'::regclass AND NOT granted
"""
_RAISED = "INSERT INTO strategy.object_version VALUES ('strategy:s9', 1)"


@pytest.fixture
def cache() -> FakeCacheStore:
    """A cache as a new server has it."""
    return FakeCacheStore(opened=False)


@pytest.fixture
def timings() -> Timings:
    """What counts openings."""
    return Timings("strategy", "strategy-1")


@pytest.fixture
def opener(cache: FakeCacheStore, database: Database, timings: Timings) -> Opener[Opening]:
    """Who opens the strategy service's half of it."""
    return Opener("strategy", cache, database, timings)


class Looks:
    """A database that is asked who writes, and counts how often."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.count = 0

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        """Lend a connection."""
        self.count += 1
        async with self._database.reading() as connection:
            yield connection

    async def go_on(self, waiting: "asyncio.Task[None]", times: int = 3) -> None:
        """Return when it has been asked so many times more, and the task that asks has not ended."""
        wanted = self.count + times

        async def asked() -> bool:
            return self.count >= wanted or waiting.done()

        await eventually(asked, 20)
        assert not waiting.done()


@asynccontextmanager
async def written(database: Database, strategy: str = "s1") -> AsyncIterator[None]:
    """A transaction that has raised its versions, and commits at the end."""
    async with database.transaction() as connection:
        event = StrategyUpdated(id=strategy, owner="me", version=0)
        await announce(connection, event, [strategy_object(strategy)], clock=SystemClock())
        yield


@asynccontextmanager
async def by_hand(url: str, *statements: str) -> AsyncIterator[None]:
    """A transaction in which somebody has done this, and thinks it over until the end."""
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            for statement in statements:
                await connection.execute(statement)
            yield
    finally:
        await connection.close()


async def test_what_is_closed_is_opened(cache: FakeCacheStore, opener: Opener[Opening], timings: Timings) -> None:
    """At the first look, when nobody writes; the other service's half is its own affair."""
    await opener.look()
    assert await cache.is_open("strategy")
    assert not await cache.is_open("backtest")
    batch = timings.batch()
    assert [(gauge.name, gauge.value) for gauge in batch.gauges if gauge.name == "cache_state"] == [("cache_state", 1)]
    assert [sum(each.counts) for each in batch.histograms if each.name == "cache_opening_duration"] == [1]


async def test_what_is_open_stays_as_it_is(cache: FakeCacheStore, opener: Opener[Opening]) -> None:
    """A look at it starts nothing anew."""
    await opener.look()
    before = cache.keep()
    await opener.look()
    assert cache.keep() == before


async def test_it_is_not_opened_before_those_who_have_raised_a_version_are_done(
    cache: FakeCacheStore, database: Database
) -> None:
    """One that found it closed raised no floor: a row of before its commit would be served after it."""
    looks = Looks(database)
    opener = Opener("strategy", cache, cast("Database", looks), Timings("strategy", "1"))

    async with written(database):
        opening = asyncio.create_task(opener.look())
        await looks.go_on(opening, MANY_LOOKS)
        assert not await cache.is_open("strategy")
    await opening
    assert await cache.is_open("strategy")


async def test_one_that_is_undone_is_done_too(database: Database, owner_url: str) -> None:
    """As is one whose process was killed."""
    looks = Looks(database)
    writer = await asyncpg.connect(owner_url)
    await writer.execute("BEGIN")
    await writer.execute(_RAISED)
    waiting = asyncio.create_task(writers_ended(cast("Database", looks)))
    await looks.go_on(waiting)
    writer.terminate()
    await waiting


async def test_who_begins_later_is_not_waited_for(database: Database) -> None:
    """They find it opening, and raise their floors: under a load without an end it would never open."""
    looks = Looks(database)
    async with AsyncExitStack() as later:
        async with written(database, "s1"):
            waiting = asyncio.create_task(writers_ended(cast("Database", looks)))
            await looks.go_on(waiting)
            await later.enter_async_context(written(database, "s2"))
            await looks.go_on(waiting)
        await waiting


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM strategy.object_version FOR SHARE",
        "UPDATE strategy.users SET name = name",
        "CREATE TABLE public.of_somebody_else (n int)",
        "INSERT INTO backtest.object_version VALUES ('backtest:b1', 1)",
        "LOCK TABLE strategy.strategies IN ACCESS EXCLUSIVE MODE",
    ],
)
async def test_nobody_else_is_waited_for(database: Database, owner_url: str, statement: str) -> None:
    """A dump, a report, another service, a stranger's program: they may take as long as they like."""
    async with by_hand(owner_url, statement), asyncio.timeout(5):
        await writers_ended(database)


async def test_who_could_not_raise_a_version_yet_is_not_waited_for(database: Database, owner_url: str) -> None:
    """It will find the cache opening when it can: somebody who holds the table up for an hour holds up no reader."""

    async def stands_in_line() -> bool:
        return bool(await ask(owner_url, _IN_LINE))

    async def write() -> None:
        async with written(database):
            pass

    async with by_hand(owner_url, "LOCK TABLE strategy.object_version IN SHARE MODE"):
        writing = asyncio.create_task(write())
        await eventually(stands_in_line)
        async with asyncio.timeout(5):
            await writers_ended(database)
        assert not writing.done()
    await writing


async def test_any_role_is_waited_for(database: Database, owner_url: str) -> None:
    """Services may share one, or be told another."""
    looks = Looks(database)
    async with by_hand(owner_url, _RAISED):
        waiting = asyncio.create_task(writers_ended(cast("Database", looks)))
        await looks.go_on(waiting)
    await waiting


async def test_another_database_of_the_server_is_not_waited_for(database: Database, postgres_url: str) -> None:
    """Its tables may have the same number as ours: databases are made from one template here."""
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(fresh_database(postgres_url, TEMPLATE))
        await stack.enter_async_context(by_hand(other, _RAISED))
        async with asyncio.timeout(5):
            await writers_ended(database)


async def test_of_several_processes_one_opens_it(cache: FakeCacheStore, database: Database, timings: Timings) -> None:
    """The others see it opening, and leave it to the one that began."""
    openers = [Opener("strategy", cache, database, timings) for _ in range(5)]
    await asyncio.gather(*(opener.look() for opener in openers))
    assert await cache.is_open("strategy")
    assert [sum(each.counts) for each in timings.batch().histograms if each.name == "cache_opening_duration"] == [1]


async def test_it_opens_when_server_and_database_are_back(
    cache: FakeCacheStore, database: Database, owner_url: str
) -> None:
    """Until then it tries on, and the process lives."""
    timings = Timings("strategy", "strategy-1")
    opener = Opener("strategy", cache, database, timings)
    cache.reachable = False
    running = asyncio.create_task(opener.run())
    async with frozen_postgres(owner_url):
        cache.reachable = True

        async def begun() -> bool:
            return bool(cache.keep().states)

        await eventually(begun)
        assert not await cache.is_open("strategy")

    async def opened() -> bool:
        return await cache.is_open("strategy")

    await eventually(opened, 20)
    cache.wipe()
    await eventually(opened, 20)
    await ended(running)


class Away:
    """A database that does not answer until it is `there`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.there = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        """Lend a connection. Raises Unavailable."""
        if not self.there:
            raise Unavailable("The database does not answer")
        async with self._database.reading() as connection:
            yield connection


async def test_an_opening_that_was_begun_is_gone_on_with(database: Database) -> None:
    """As soon as the database is back, without waiting until it counts as given up: no time passes here."""
    cache = FakeCacheStore(opened=False, clock=lambda: 0.0)
    away = Away(database)
    opener = Opener("strategy", cache, cast("Database", away), Timings("strategy", "1"))
    with pytest.raises(Unavailable):
        await opener.look()
    away.there = True
    await opener.look()
    assert await cache.is_open("strategy")


async def begun_by_another(database: Database) -> tuple[FakeCacheStore, Away, Opener[Opening], Opening]:
    """An opener whose database went away in an opening, so that it was given up, and the opening of another since."""
    now = 0.0
    cache = FakeCacheStore(opened=False, clock=lambda: now)
    away = Away(database)
    opener = Opener("strategy", cache, cast("Database", away), Timings("strategy", "1"))
    with pytest.raises(Unavailable):
        await opener.look()
    now = OPENING_SECONDS
    others = await cache.begin("strategy")
    assert others is not None
    return cache, away, opener, others


async def test_one_that_another_has_begun_since_is_not(database: Database) -> None:
    """It was given up: what the other waits for counts, and he opens it."""
    cache, away, opener, others = await begun_by_another(database)
    away.there = True
    for _ in range(2):
        await opener.look()
        assert not await cache.is_open("strategy")
    assert await cache.finish(others)


async def test_one_that_another_has_finished_is_forgotten(database: Database) -> None:
    """At the next loss a new one is begun, not the old one gone on with."""
    cache, away, opener, others = await begun_by_another(database)
    assert await cache.finish(others)
    await opener.look()
    cache.wipe()
    away.there = True
    await opener.look()
    assert await cache.is_open("strategy")


async def test_a_writer_who_finds_it_closed_wakes_the_opener(
    cache: FakeCacheStore, opener: Opener[Opening], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not wait for the next look, which never comes here."""
    monkeypatch.setattr("shared.runtime.opener.LOOK_SECONDS", 1e6)
    running = asyncio.create_task(opener.run())

    async def opened() -> bool:
        return await cache.is_open("strategy")

    await eventually(opened, 20)
    cache.wipe()
    assert await cache.raise_({strategy_object("s1"): 1}, "writer")
    await eventually(opened, 20)
    await ended(running)


async def test_what_postgres_refuses_does_not_end_the_opener(
    cache: FakeCacheStore, opener: Opener[Opening], owner_url: str
) -> None:
    """It asks again: a process that ends would be of no more help."""
    await execute(owner_url, "ALTER TABLE strategy.object_version RENAME TO elsewhere")
    running = asyncio.create_task(opener.run())

    async def begun() -> bool:
        return bool(cache.keep().states)

    await eventually(begun)
    await execute(owner_url, "ALTER TABLE strategy.elsewhere RENAME TO object_version")

    async def opened() -> bool:
        return await cache.is_open("strategy")

    await eventually(opened, 20)
    await ended(running)


class Standby:
    """A database that answers as a standby does."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["Standby"]:
        """Lend itself."""
        yield self

    async def fetchrow(self, _: str) -> Mapping[str, object]:
        """Nobody holds a lock here, whoever writes elsewhere."""
        writers: Sequence[str] = []
        return {"standby": True, "writers": writers}


async def test_a_standby_knows_of_no_writer() -> None:
    """Asked instead of its primary it would let the cache open under their feet."""
    with pytest.raises(Unavailable, match="standby"):
        await writers_ended(cast("Database", Standby()))


async def test_a_database_of_a_shared_role_knows_its_writers(owner_url: str) -> None:
    """Who logs in as the owner, as a deployment with one URL for all does, sees the same."""
    database = Database(DatabaseSettings(database_url=owner_url), "strategy")
    await database.connect()
    looks = Looks(database)
    async with by_hand(service_url(owner_url, "strategy"), _RAISED):
        waiting = asyncio.create_task(writers_ended(cast("Database", looks)))
        await looks.go_on(waiting)
    await waiting
    await database.close()

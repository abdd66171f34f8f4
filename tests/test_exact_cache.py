"""The cache is exact without a single event: what a write has answered is read from then on, whatever was lost.

Real Postgres and Valkey; no relay and no invalidator runs here.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
import pytest
from redis.asyncio import Redis

from shared.cache.keys import state_key
from shared.cache.record import Entry
from shared.cache.results import FillOutcome, Miss
from shared.contracts.errors import Unavailable
from shared.runtime import opener as opener_module
from shared.runtime.database import Database
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.floors import outcomes
from tests.databases import execute
from tests.exact_cache import OBJECT, OWNER, Gate, Side, side
from tests.frozen import frozen_server
from tests.servers import ValkeyServer, valkey_server

pytestmark = pytest.mark.integration


@pytest.fixture
async def own_cache() -> AsyncIterator[ValkeyServer]:
    """A cache server for one test to break."""
    async with valkey_server(kind="cache") as server:
        yield server


@pytest.fixture
async def service(owner_url: str, own_cache: ValkeyServer) -> AsyncIterator[Side]:
    """A service, its cache open and warm."""
    async with side(owner_url, own_cache.url) as service:
        await service.open()
        assert await service.read() == ("old", "miss")
        assert await service.read() == ("old", "hit")
        yield service


async def test_what_is_about_to_be_replaced_is_neither_served_nor_stored(service: Side) -> None:
    """From the raise to the commit every read is a miss that finds the old row; after that the new one is read."""
    gate = service.floors.then = Gate()
    writing = asyncio.create_task(service.write("new"))
    await gate.reached.wait()
    assert [await service.read() for _ in range(3)] == [("old", "miss")] * 3
    gate.opened.set()
    await writing
    assert [await service.read() for _ in range(2)] == [("new", "miss"), ("new", "hit")]


async def test_who_was_slow_stores_nothing_old(service: Side) -> None:
    """Who has read the row before the write offers it when that is over."""
    found = await service.cache.get(OBJECT, "another")
    assert isinstance(found, Miss)
    row = Entry(version=0, etag='"1"', owner=OWNER, body=b"old")
    await service.write("new")
    assert await service.cache.fill(OBJECT, "another", found.lease, row) is FillOutcome.FLOOR


async def test_what_was_rolled_back_is_served_again(service: Side, owner_url: str) -> None:
    """A commit that Postgres refuses leaves no floor behind: after one miss the old answer is a hit."""
    await execute(
        owner_url,
        "CREATE TABLE strategy.thing (n int PRIMARY KEY DEFERRABLE INITIALLY DEFERRED);"
        "GRANT INSERT ON strategy.thing TO aurelius_strategy;"
        "CREATE FUNCTION strategy.twice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
        "$$ BEGIN INSERT INTO strategy.thing VALUES (1), (1); RETURN NULL; END $$;"
        "CREATE TRIGGER twice AFTER UPDATE ON strategy.strategies EXECUTE FUNCTION strategy.twice()",
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await service.write("never")
    assert service.floors.raised == 1
    assert [await service.read() for _ in range(2)] == [("old", "miss"), ("old", "hit")]


async def test_a_writer_that_dies_before_its_commit_costs_misses(
    service: Side, owner_url: str, own_cache: ValkeyServer
) -> None:
    """Killed between the raise and the COMMIT: what is served is what was there, and the next write mends it."""
    command = [sys.executable, "-m", "tests.dying_writer", owner_url, own_cache.url]
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == -signal.SIGKILL
    assert [await service.read() for _ in range(3)] == [("old", "miss")] * 3
    await service.write("new")
    assert [await service.read() for _ in range(2)] == [("new", "miss"), ("new", "hit")]


async def lose(server: ValkeyServer, how: str) -> None:
    """Have the cache lose all it knows."""
    if how == "restart":
        await server.restart()
        return
    async with Redis.from_url(server.url, protocol=2) as client:
        await client.flushall()


async def begun(server: ValkeyServer) -> bool:
    """Whether somebody has begun to open the cache since it was lost."""
    async with Redis.from_url(server.url, protocol=2) as client:
        return bool(await client.exists(state_key("strategy")))


async def read_across_a_loss(service: Side, server: ValkeyServer, how: str, *, barrier: bool) -> list[tuple[str, str]]:
    """Lose the cache while a writer has raised its floors and not committed; return what is read after its commit."""
    gate = service.floors.then = Gate()
    writing = asyncio.create_task(service.write("new"))
    await gate.reached.wait()
    await lose(server, how)
    with suppress(Unavailable):  # over the connection that the server has closed
        await service.cache.is_open("strategy")
    opening = asyncio.create_task(service.open())
    if barrier:
        await eventually(lambda: begun(server))
    else:
        await opening
    assert await service.read() == ("old", "bypass" if barrier else "miss")
    gate.opened.set()
    await writing
    await opening
    return [await service.read() for _ in range(2)]


@pytest.mark.parametrize("how", ["flush", "restart"])
async def test_a_cache_that_was_lost_under_a_write_is_opened_after_it(
    service: Side, own_cache: ValkeyServer, how: str
) -> None:
    """The floors are gone; who reads the old row before the commit must not store it."""
    read = await read_across_a_loss(service, own_cache, how, barrier=True)
    assert read == [("new", "miss"), ("new", "hit")]


@pytest.mark.parametrize("how", ["flush", "restart"])
async def test_without_the_barrier_it_would_be_stale(
    service: Side, own_cache: ValkeyServer, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This is what the test above would see."""

    async def at_once(_: Database) -> None:
        """Wait for nobody."""

    monkeypatch.setattr(opener_module, "writers_ended", at_once)
    read = await read_across_a_loss(service, own_cache, how, barrier=False)
    assert read == [("old", "hit"), ("old", "hit")]


@asynccontextmanager
async def gone(server: ValkeyServer, how: str) -> AsyncIterator[None]:
    """Freeze the cache server, or kill it; it is back after the block. What takes longer than five seconds hangs."""
    if how == "frozen":
        async with frozen_server(server.url), asyncio.timeout(5):
            yield
        return
    await server.kill()
    try:
        async with asyncio.timeout(5):
            yield
    finally:
        await server.restart()


@pytest.mark.parametrize("how", ["frozen", "dead"])
async def test_with_the_cache_gone_what_is_available_is_written_in_time(
    service: Side, own_cache: ValkeyServer, how: str
) -> None:
    """And counted, since who reaches the cache all the same may be served the old row until the event arrives."""
    async with gone(own_cache, how):
        await service.write("new")
        assert await service.read() == ("new", "bypass")
    assert outcomes(service.timings) == {"unanswered": 1}


@pytest.mark.parametrize("how", ["frozen", "dead"])
async def test_with_the_cache_gone_what_is_strict_is_refused_in_time(
    owner_url: str, own_cache: ValkeyServer, how: str
) -> None:
    """With a time to come back, and nothing written; when the cache is back, all is as it was."""
    async with side(owner_url, own_cache.url, "strict") as service:
        await service.open()
        await service.read()
        async with gone(own_cache, how):
            with pytest.raises(Unavailable) as raised:
                await service.write("new")
            assert raised.value.retry_after == 1
            assert (await service.read()) == ("old", "bypass")
        assert outcomes(service.timings) == {"refused": 1}
        await written_at_last(service)
        await service.open()
        assert [await service.read() for _ in range(2)] == [("new", "miss"), ("new", "hit")]


async def written_at_last(service: Side) -> None:
    """Write, as soon as the cache is found back."""
    async with asyncio.timeout(10):
        while True:
            try:
                await service.write("new")
            except Unavailable:
                await asyncio.sleep(0.05)
            else:
                return

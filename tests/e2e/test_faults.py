"""What of a fault shows in single answers; what holds after any fault is tried out in `tests/faults`."""

import asyncio
from typing import Any

import asyncpg
import httpx
import psutil
import pytest
from redis.asyncio import Redis

from tests.e2e.held_commits import held_commit, owner_url
from tests.e2e.journey import User, registered, stored
from tests.e2e.platform import Platform, until_healthy

pytestmark = pytest.mark.e2e

HEAL_SECONDS = 5.0
EVENTS = "aurelius.events.strategy"
STORED = ("strategy.outbox", "INSERT INTO outbox")
MISS = "aurelius-l2; fwd=uri-miss"


async def cached(user: User, path: str) -> None:
    """Have an answer kept."""
    async with asyncio.timeout(5):
        while not (await user.call("GET", path, 200)).headers["cache-status"].endswith("hit"):
            pass


async def shown(user: User, path: str, name: str) -> None:
    """Wait until a read without a token shows this name."""
    while (await user.call("GET", path, 200)).json()["name"] != name:
        await asyncio.sleep(0.02)


async def edited(system: Platform, path: str, name: str) -> None:
    """Change a strategy's name in the database, as an operator with `psql` does."""
    connection: Any = await asyncpg.connect(owner_url(system))
    try:
        await connection.execute(
            "UPDATE strategy.strategies SET name = $2 WHERE id = $1", path.rpartition("/")[2], name
        )
    finally:
        await connection.close()


async def test_without_an_invalidator_writes_show_all_the_same(system: Platform, client: httpx.AsyncClient) -> None:
    """Writers tell the cache themselves: what was kept is not shown any more, with no token and no event applied."""
    user = await registered(client)
    path = f"/strategies/{(await stored(user)).json()['id']}"
    (invalidator,) = system.processes("services.invalidator")
    invalidator.suspend()
    try:
        for number in range(5):
            await cached(user, path)
            await user.call("PATCH", path, 200, json={"name": f"n{number}"})
            async with asyncio.timeout(1):
                await shown(user, path, f"n{number}")
    finally:
        invalidator.resume()
    await until_healthy(system.base_url, 30)


async def test_what_was_kept_is_not_served_from_before_the_commit_on(
    system: Platform, client: httpx.AsyncClient
) -> None:
    """While a commit is held nobody is served, or stores, what it replaces; once it is done the new row is read."""
    user = await registered(client)
    path = f"/strategies/{(await stored(user)).json()['id']}"
    await cached(user, path)
    (invalidator,) = system.processes("services.invalidator")
    invalidator.suspend()
    try:
        async with held_commit(
            system, *STORED, lambda: user.call("PATCH", path, 200, json={"name": "changed"})
        ) as patched:
            async with asyncio.timeout(5):
                while (await user.call("GET", path, 200)).headers["cache-status"].endswith("hit"):
                    await asyncio.sleep(0.02)
            for _ in range(5):
                answer = await user.call("GET", path, 200)
                assert (answer.json()["name"], answer.headers["cache-status"]) == ("SMA cross", MISS)
        await patched
        assert (await user.call("GET", path, 200)).json()["name"] == "changed"
    finally:
        invalidator.resume()
    await until_healthy(system.base_url, 30)


async def test_what_is_edited_by_hand_shows(system: Platform, client: httpx.AsyncClient) -> None:
    """Its event purges what was kept, which would else be shown for minutes."""
    user = await registered(client)
    path = f"/strategies/{(await stored(user)).json()['id']}"
    await cached(user, path)
    await edited(system, path, "edited")
    async with asyncio.timeout(HEAL_SECONDS):
        await shown(user, path, "edited")


async def test_an_event_in_the_hands_of_a_dead_invalidator_is_applied(
    system: Platform, client: httpx.AsyncClient
) -> None:
    """A change that the cache hears of by its event alone, which died with the invalidator, shows in five seconds."""
    user = await registered(client)
    path = f"/strategies/{(await stored(user)).json()['id']}"
    await cached(user, path)
    (invalidator,) = system.processes("services.invalidator")
    invalidator.suspend()
    await edited(system, path, "edited")
    async with Redis.from_url(system.bus_url(), protocol=2) as bus, asyncio.timeout(5):
        while not await _is_last(bus, b"aurelius.strategy_rows.edited.v1"):
            await asyncio.sleep(0.01)
        # Either its blocked read has been given the event, or this dead one is: it will not be acknowledged.
        await bus.xreadgroup("invalidator", "dead", {EVENTS: ">"})
    assert (await user.call("GET", path, 200)).json()["name"] == "SMA cross"
    invalidator.kill()
    async with asyncio.timeout(HEAL_SECONDS):
        await shown(user, path, "edited")
    await until_healthy(system.base_url, 30)


async def test_with_the_cache_server_gone_everything_is_right(system: Platform, client: httpx.AsyncClient) -> None:
    """Reads and writes go on and stay exact while the cache server is dead, and hits come back after it returned."""
    user = await registered(client)
    strategy_id = (await stored(user)).json()["id"]
    path = f"/strategies/{strategy_id}"
    await user.call("GET", path, 200)
    (cache,) = [each for each in system.processes("valkey-server") if "/cache" in _text(each)]
    cache.suspend()  # worse than dead: it takes connections and never answers
    try:
        for number in range(5):
            await user.call("PATCH", path, 200, json={"name": f"n{number}"})
            answer = await user.call("GET", path, 200)
            assert answer.headers["cache-status"] == "aurelius-l2; fwd=bypass"
            assert answer.json()["name"] == f"n{number}"
    finally:
        cache.kill()
    await until_healthy(system.base_url, 30)
    async with asyncio.timeout(10):
        while not (await user.call("GET", path, 200)).headers["cache-status"].endswith("hit"):
            await asyncio.sleep(0.05)
    assert (await user.call("GET", path, 200)).json()["name"] == "n4"


async def _is_last(bus: Redis, event_type: bytes) -> bool:
    answer: Any = await bus.xrevrange(EVENTS, count=1)
    return bool(answer) and answer[0][1][b"type"] == event_type


def _text(process: psutil.Process) -> str:
    return " ".join([*process.cmdline(), process.cwd()])

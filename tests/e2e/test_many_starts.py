"""Starts and stops in a row, gentle and not."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.e2e.demo import assert_made_once, assert_not_made_again
from tests.e2e.journey import User, registered, stored, whole_journey
from tests.e2e.platform import Platform, platform
from tests.seconds import allowed

pytestmark = pytest.mark.e2e

EVENTS = "aurelius.events.strategy"
ROUNDS = 10


async def test_a_second_start_keeps_everything_and_no_cache_changes_nothing(tmp_path: Path, aapl: Path) -> None:
    """What was answered before a kill -9 of the launcher is there after the next start, in seconds, for the same user.

    No process outlives it, though it had just written. What the first start has made for the demo the second one does
    not make again. REDIS_ENABLED=false serves the same.
    """
    async with platform(tmp_path, {"DEMO": "1"}) as first, first.client() as client:
        kept = await assert_made_once(first, client)
        user = await registered(client)
        strategy = await stored(user)
        ids = [strategy.json()["id"], (await stored(user)).json()["id"]]
        await first.kill()
    started = time.monotonic()
    async with platform(tmp_path, {"DEMO": "1", "REDIS_ENABLED": "false"}) as second, second.client() as client:
        assert time.monotonic() - started < allowed(20)
        assert not [each for each in second.processes("valkey-server") if "cache" in each.cwd()]
        user.client = client
        for _ in range(2):
            again = await user.call("GET", f"/strategies/{ids[0]}", 200)
            assert again.headers["cache-status"] == "aurelius-l2; fwd=bypass"
            assert again.json() == strategy.json()
        listed = await user.call("GET", "/strategies?sort=created_at", 200)
        assert [item["id"] for item in listed.json()["items"]] == ids
        assert await announced(second, ids) == ids
        assert (await whole_journey(client, aapl))["metrics"]["trades"] == 85
        await assert_not_made_again(second, client, kept)


@pytest.mark.long
async def test_every_start_is_ready_and_nothing_is_lost(tmp_path: Path, aapl: Path) -> None:
    """Half of them end by kill -9 of the launcher, right after a write.

    No process outlives it. Each start finds all that was answered before, in a session from before, and every strategy
    is announced exactly once and in order.
    """
    ids: list[str] = []
    user: User | None = None
    for number in range(ROUNDS):
        async with platform(tmp_path) as running, running.client() as client:
            user = User(client, user.headers) if user else await registered(client)
            listed = await user.call("GET", "/strategies?sort=created_at", 200)
            assert [item["id"] for item in listed.json()["items"]] == ids
            if number == ROUNDS - 1:
                assert (await whole_journey(client, aapl))["metrics"]["trades"] == 85
                assert await announced(running, ids) == ids
            ids.append((await stored(user)).json()["id"])
            if number % 2:
                await running.kill()


async def announced(running: Platform, ids: list[str]) -> list[str]:
    """Those of these strategies whose creation was announced, in that order; no event's number may be left out."""
    async with Redis.from_url(running.bus_url(), protocol=2) as bus, asyncio.timeout(10):
        while True:
            entries: Any = await bus.xrange(EVENTS)
            created = [fields for _, fields in entries if fields[b"type"] == b"aurelius.strategy.created.v1"]
            found = [fields[b"subject"].decode().partition(":")[2] for fields in created]
            if set(ids) <= set(found):
                break
            await asyncio.sleep(0.05)
    assert [entry_id.decode() for entry_id, _ in entries] == [f"{n}-0" for n in range(1, len(entries) + 1)]
    return [each for each in found if each in ids]

"""Starts and stops in a row, gentle and not."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.e2e.journey import User, registered, stored, whole_journey
from tests.e2e.platform import Platform, platform

pytestmark = pytest.mark.e2e

EVENTS = "aurelius.events.strategy"


@pytest.mark.parametrize("rounds", [3, pytest.param(10, marks=pytest.mark.long)])
async def test_every_start_is_ready_and_nothing_is_lost(tmp_path: Path, aapl: Path, rounds: int) -> None:
    """Half of them end by kill -9 of the launcher, right after a write.

    No process outlives it. Each start finds all that was answered before, in a session from before, and every strategy
    is announced exactly once and in order.
    """
    ids: list[str] = []
    user: User | None = None
    for number in range(rounds):
        async with platform(tmp_path) as running, running.client() as client:
            user = User(client, user.headers) if user else await registered(client)
            listed = await user.call("GET", "/strategies?sort=created_at", 200)
            assert [item["id"] for item in listed.json()["items"]] == ids
            if number == rounds - 1:
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

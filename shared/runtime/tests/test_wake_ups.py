"""Wake-ups of readers that died."""

import asyncio

import pytest
from redis.asyncio import Redis

from shared.runtime.bus import wake_ups
from shared.runtime.bus.wake_ups import put_lost_away
from shared.runtime.tests.bus_state import emptied
from shared.runtime.tests.eventually import ended, eventually

pytestmark = pytest.mark.integration


async def test_a_wake_up_does_not_outlive_its_reader(bus: Redis, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was given to a reader and never acknowledged is removed; one that nobody was given waits."""
    monkeypatch.setattr(wake_ups, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(wake_ups, "LOST_SECONDS", 0.1)
    work = asyncio.create_task(put_lost_away(bus, "jobs", "workers"))
    await redis.xgroup_create("jobs", "workers", id="0", mkstream=True)
    await redis.xadd("jobs", {"id": "lost"})
    await redis.xreadgroup("workers", "killed", {"jobs": ">"})
    await eventually(lambda: emptied(redis, "jobs", "workers"))
    await redis.xadd("jobs", {"id": "waits"})
    with pytest.raises(TimeoutError):
        await eventually(lambda: emptied(redis, "jobs", "workers"), within=0.3)
    await ended(work)

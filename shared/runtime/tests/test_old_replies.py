"""Large answers that nobody came for."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.contracts.clock import SystemClock
from shared.contracts.errors import Unavailable
from shared.runtime import old_replies
from shared.runtime.bus.server import MAX_REPLY_BYTES
from shared.runtime.objects import Objects
from shared.runtime.old_replies import KEPT, REPLIES, remove_old_replies
from shared.runtime.tests.echo import Say, answering, asking, echo
from shared.runtime.tests.eventually import ended, eventually
from shared.runtime.timings import Timings


@asynccontextmanager
async def removing(objects: Objects) -> AsyncIterator[None]:
    """Have old answers removed for a while."""
    running = asyncio.create_task(remove_old_replies(objects, SystemClock(), Timings("strategy", "strategy-1")))
    try:
        yield
    finally:
        await ended(running)


async def stored(objects: Objects, folder: Path, key: str, *, seconds_ago: float) -> None:
    """Store an object so long ago."""
    await objects.put(key, b"answer")
    then = SystemClock().now().timestamp() - seconds_ago
    os.utime(folder / key, (then, then))


async def test_old_answers_are_removed(tmp_path: Path) -> None:
    """Those that someone may still come for stay, and so does whatever else is there, however old."""
    objects = Objects(tmp_path.as_uri())
    kept = KEPT.total_seconds()
    await stored(objects, tmp_path, f"{REPLIES}old", seconds_ago=kept + 60)
    await stored(objects, tmp_path, f"{REPLIES}new", seconds_ago=kept - 60)
    await stored(objects, tmp_path, "datasets/old", seconds_ago=kept + 60)

    async def gone() -> bool:
        return not await objects.exists(f"{REPLIES}old")

    async with removing(objects):
        await eventually(gone)
    assert await objects.exists(f"{REPLIES}new")
    assert await objects.exists("datasets/old")


async def test_a_store_that_is_away_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no reason to end a service."""
    monkeypatch.setattr(old_replies, "LOOK_SECONDS", 0.01)
    objects = Objects(tmp_path.as_uri())
    await stored(objects, tmp_path, f"{REPLIES}old", seconds_ago=KEPT.total_seconds() + 60)
    look, looks = objects.delete_older, 0

    async def away_first(prefix: str, moment: object) -> int:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise Unavailable("The object store does not answer")
        return await look(prefix, moment)  # type: ignore[arg-type]

    monkeypatch.setattr(objects, "delete_older", away_first)

    async def gone() -> bool:
        return not await objects.exists(f"{REPLIES}old")

    async with removing(objects):
        await eventually(gone)


@pytest.mark.integration
async def test_a_service_removes_what_it_left(bus_url: str, tmp_path: Path) -> None:
    """At its start, what it or another wrote before it died; an answer that is fetched is gone by itself."""
    objects = Objects(tmp_path.as_uri())
    await stored(objects, tmp_path, f"{REPLIES}old", seconds_ago=KEPT.total_seconds() + 60)
    async with answering(bus_url, echo, objects=objects), asking(bus_url, objects=objects) as caller:

        async def gone() -> bool:
            return not await objects.exists(f"{REPLIES}old")

        await eventually(gone)
        text = "x" * (MAX_REPLY_BYTES + 1)
        assert (await caller.call(Say(text=text)))[0] == text
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []

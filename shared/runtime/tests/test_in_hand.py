"""What a process tells the bus of the entries in its hands."""

import asyncio
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from shared.runtime.bus import in_hand
from shared.runtime.bus.in_hand import InHand


class SlowBus:
    """Carries a claim out when it is let, and remembers under which names."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.asked = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def xclaim(self, _: str, __: str, name: str, *___: Any, **____: Any) -> None:  # redis-py's
        """Answer, the first one once it may."""
        if not self.asked.is_set():
            self.asked.set()
            await self.may_go_on.wait()
        self.names.append(name)


async def test_a_refresh_under_way_does_not_take_a_new_name_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bus hears the old name first, however late that comes: a process that dies now was not alone with it."""
    monkeypatch.setattr(in_hand, "REFRESH_SECONDS", 0.0)
    bus = SlowBus()
    held = InHand(cast("Redis", bus), "stream", "group", "me")
    held.take(b"1-0", name="me.after.killed")
    refreshing = asyncio.create_task(held.refresh())
    await bus.asked.wait()
    renaming = asyncio.create_task(held.rename(b"1-0"))
    await asyncio.sleep(0)
    bus.may_go_on.set()
    await asyncio.gather(refreshing, renaming)
    assert bus.names == ["me.after.killed", "me"]
    await held.refresh()
    assert bus.names[-1] == "me"

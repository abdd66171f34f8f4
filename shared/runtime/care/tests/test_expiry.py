"""Applying the rules of what is too old."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.contracts.errors import Unavailable
from shared.runtime.care import expiry
from shared.runtime.care.expiry import Expiry, Rule
from shared.runtime.tests.eventually import ended, eventually
from shared.runtime.timings import Timings


class Heap:
    """So many things that are too old, and how many were taken each time."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.taken: list[int] = []
        self.fails = 0

    async def remove(self, at_once: int) -> int:
        """Take some, unless it fails first."""
        if self.fails:
            self.fails -= 1
            raise Unavailable("away")
        number = min(self.left, at_once)
        self.left -= number
        self.taken.append(number)
        return number


@pytest.fixture
def timings() -> Timings:
    """Those of a service."""
    return Timings("strategy", "strategy-1")


def expired(timings: Timings) -> dict[str, float]:
    """Return what was counted, by what it was."""
    return {each.labels["what"]: each.value for each in timings.batch().counters if each.name == "retention_removed"}


async def test_batches_until_there_is_no_more(timings: Timings, monkeypatch: pytest.MonkeyPatch) -> None:
    """None larger than it may be, and what was removed is counted."""
    monkeypatch.setattr(expiry, "PAUSE_SECONDS", 0.0)
    heap = Heap(25)
    assert await Expiry([], timings, seconds=1, batch=10).apply(Rule("things", heap.remove)) == 25
    assert heap.taken == [10, 10, 5]
    assert expired(timings) == {"things": 25}


async def test_a_round_has_an_end(timings: Timings, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much there is: the other rules have their turn."""
    monkeypatch.setattr(expiry, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(expiry, "MOST_BATCHES", 3)
    assert await Expiry([], timings, seconds=1, batch=10).apply(Rule("things", Heap(100).remove)) == 30


@asynccontextmanager
async def applied(job: Expiry) -> AsyncIterator[None]:
    """Have the rules applied for a while."""
    running = asyncio.create_task(job.run())
    try:
        yield
    finally:
        await ended(running)


async def test_it_goes_on_through_failures(timings: Timings) -> None:
    """One rule's stop no other, and it is tried again."""
    failing, other = Heap(3), Heap(3)
    failing.fails = 2
    rules = [Rule("failing", failing.remove), Rule("other", other.remove)]

    async def done() -> bool:
        return failing.left == 0 and other.left == 0

    async with applied(Expiry(rules, timings, seconds=0.001, batch=10)):
        await eventually(done)
    assert expired(timings) == {"failing": 3, "other": 3}


async def test_what_comes_later_goes_too(timings: Timings) -> None:
    """It is looked for again and again."""
    heap = Heap(3)

    async def done() -> bool:
        return heap.left == 0

    async with applied(Expiry([Rule("things", heap.remove)], timings, seconds=0.001, batch=10)):
        await eventually(done)
        heap.left = 4
        await eventually(done)
    assert expired(timings) == {"things": 7}

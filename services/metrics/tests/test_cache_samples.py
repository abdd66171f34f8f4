"""Objects that nobody has changed are drawn to be looked at."""

import asyncio

import pytest

from services.metrics import cache_samples
from services.metrics.cache_samples import CacheSamples
from shared.contracts.errors import Unavailable
from shared.runtime.tests.eventually import eventually


class Processes:
    """The gateway's, which name what the test says; `fault` when they cannot be asked."""

    def __init__(self, *named: str) -> None:
        self.named = list(named)
        self.asked = 0
        self.fault: Exception | None = None

    async def names(self) -> list[str]:
        """Return them."""
        self.asked += 1
        if self.fault is not None:
            raise self.fault
        return self.named


@pytest.mark.parametrize(("drawn", "expected"), [(0.0, "a:1"), (0.49, "a:1"), (0.5, "b:1"), (0.999, "b:1")])
async def test_one_of_all_that_are_named_is_looked_at(drawn: float, expected: str) -> None:
    """By each who looks, whichever process has named it."""
    versions, bodies = list[str](), list[str]()
    samples = CacheSamples(Processes("a:1", "b:1"), versions.append, bodies.append, random=lambda: drawn)
    await samples.draw()
    assert versions == bodies == [expected]


async def test_nothing_is_looked_at_where_nothing_is_named() -> None:
    """By processes that know of nothing, or cannot be asked."""
    processes, looked_at = Processes(), list[str]()
    samples = CacheSamples(processes, looked_at.append)
    await samples.draw()
    processes.fault = Unavailable("the bus is away")
    await samples.draw()
    assert (processes.asked, looked_at) == (2, [])


async def test_one_is_drawn_every_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault that nobody foresaw does not end it."""
    monkeypatch.setattr(cache_samples, "SECONDS", 0.001)
    monkeypatch.setattr("services.metrics.due_work.FAULT_SECONDS", 0.0)
    processes, looked_at = Processes("a:1"), list[str]()
    processes.fault = RuntimeError("unforeseen")
    running = asyncio.create_task(CacheSamples(processes, looked_at.append).run())

    async def asked() -> bool:
        return processes.asked > 1

    async def drawn() -> bool:
        return len(looked_at) > 1

    await eventually(asked)
    processes.fault = None
    await eventually(drawn)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])

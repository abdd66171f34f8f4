"""Figures are read again and again, and take no more than their part of anybody's time."""

import asyncio
import time

import pytest

from shared.runtime.resting import repeat


class Rested(Exception):
    """The first pause has come."""


@pytest.mark.parametrize(("taken", "pause"), [(0.01, 2.0), (0.5, 25.0)])
async def test_it_rests_for_as_long_as_is_said(monkeypatch: pytest.MonkeyPatch, taken: float, pause: float) -> None:
    """At least so many seconds; where reading takes long, so many times as long as that."""
    now, pauses = 100.0, list[float]()

    async def work() -> None:
        nonlocal now
        now += taken

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        raise Rested

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(Rested):
        await repeat(work, every=2.0, rest=50.0)
    assert pauses == [pytest.approx(pause)]

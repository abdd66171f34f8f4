"""Figures are read again and again, and take no more than their part of anybody's time."""

import asyncio
import time

import pytest

from shared.runtime.resting import repeat


class Rested(Exception):
    """The first pause has come."""


@pytest.mark.parametrize(("taken", "done", "pause"), [(0.01, True, 2.0), (0.5, True, 25.0), (3.0, False, 2.0)])
async def test_it_rests_for_as_long_as_is_said(
    monkeypatch: pytest.MonkeyPatch, taken: float, done: bool, pause: float
) -> None:
    """At least so many seconds; where reading takes long, so many times as long as that.

    Where it waited in vain, for a database that hangs, it is tried again as soon as ever: minutes later nobody would
    know that it is back.
    """
    now, pauses = 100.0, list[float]()

    async def work() -> bool:
        nonlocal now
        now += taken
        return done

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        raise Rested

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(Rested):
        await repeat(work, every=2.0, rest=50.0)
    assert pauses == [pytest.approx(pause)]

"""Readiness."""

import asyncio
import time

import pytest

from shared.runtime import health
from shared.runtime.health import Health, run_check


async def passes() -> None:
    """Be well."""


async def fails() -> None:
    """Be ill."""
    raise ConnectionError("the disk is on fire")


async def hangs() -> None:
    """Never say."""
    await asyncio.Event().wait()


async def test_all_well_is_ok() -> None:
    """Each check with its time in milliseconds."""
    checked = Health()
    checked.add("bus", passes)
    checked.add("database", passes)
    ready = await checked.ready()
    assert ready.status == "ok"
    assert {name: result.status for name, result in ready.checks.items()} == {"bus": "ok", "database": "ok"}
    assert all(0 <= result.latency_ms < 1000 for result in ready.checks.values())


async def test_one_failure_is_the_verdict() -> None:
    """And the check that failed says why; the others still say how they are."""
    checked = Health()
    checked.add("bus", passes)
    checked.add("disk", fails)
    ready = await checked.ready()
    assert ready.status == "down"
    assert ready.checks["bus"].status == "ok"
    assert (ready.checks["disk"].status, ready.checks["disk"].detail) == ("down", "the disk is on fire")


async def test_hanging_checks_end_together_at_the_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks gets an answer in one time-out, however many checks hang, and it names the reason."""
    monkeypatch.setattr(health, "CHECK_TIMEOUT", 0.1)
    checked = Health()
    for number in range(20):
        checked.add(f"check {number}", hangs)
    started = time.monotonic()
    ready = await asyncio.wait_for(checked.ready(), 5)
    assert time.monotonic() - started < 1
    assert {(result.status, result.detail) for result in ready.checks.values()} == {("down", "TimeoutError")}
    assert all(result.latency_ms >= 100 for result in ready.checks.values())


async def test_being_cancelled_is_no_verdict() -> None:
    """Who stops asking must not be told that the dependency is down."""
    check = asyncio.create_task(run_check(hangs))
    await asyncio.sleep(0)
    check.cancel()
    with pytest.raises(asyncio.CancelledError):
        await check


async def test_a_process_without_checks_is_ready() -> None:
    """It depends on nothing."""
    assert (await Health().ready()).status == "ok"

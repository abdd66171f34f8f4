"""Readiness."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from shared.contracts.errors import Unavailable
from shared.runtime import health
from shared.runtime.health import Health, StillStarting, run_check
from shared.runtime.tests.eventually import eventually
from tests.seconds import allowed


async def passes() -> None:
    """Be well."""


async def fails() -> None:
    """Be ill, in words for strangers."""
    raise Unavailable("the disk is on fire")


async def fails_in_private() -> None:
    """Be ill in a library's words."""
    raise ConnectionError("Error 111 connecting to redis://:hunter2@10.0.0.7:6379")


async def hangs() -> None:
    """Never say."""
    await asyncio.Event().wait()


@asynccontextmanager
async def watched(checked: Health) -> AsyncIterator[None]:
    """Watch a process, as it is from the end of its start to the beginning of its stop; the first look is over."""
    watching = asyncio.create_task(checked.watch())
    await asyncio.sleep(0)
    await checked.ready()
    yield
    watching.cancel()
    await asyncio.wait({watching})


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


async def test_what_a_library_says_is_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """The routes of the gateway are open to everybody: an address, or worse, is not for them."""
    checked = Health()
    checked.add("bus", fails_in_private)
    async with watched(checked):
        assert (await checked.ready()).checks["bus"].detail == "does not answer"
    assert "not ready: bus: does not answer (ConnectionError: Error 111" in caplog.text


async def test_the_log_tells_what_changes(caplog: pytest.LogCaptureFixture) -> None:
    """Once when a check begins to fail and once when it passes again, however often somebody asks meanwhile."""
    ill = [True]

    async def check() -> None:
        if ill[0]:
            raise Unavailable("no")

    checked = Health()
    checked.add("bus", check)
    with caplog.at_level(logging.WARNING):
        async with watched(checked):
            for _ in range(5):
                await checked.ready()
            ill[0] = False
            for _ in range(5):
                assert (await checked.ready()).status == "ok"
    assert [record.getMessage() for record in caplog.records] == ["not ready: bus: no", "ready again: bus"]


async def test_the_log_tells_though_nobody_asks(caplog: pytest.LogCaptureFixture) -> None:
    """A process without a supervisor that looks at it says by itself what it lacks."""
    checked = Health()
    checked.add("disk", fails)
    watching = asyncio.create_task(checked.watch())

    async def told() -> bool:
        return "not ready: disk: the disk is on fire" in caplog.text

    await eventually(told, within=5)
    watching.cancel()


async def test_a_start_and_a_stop_are_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """Much is not there then, as it must be: who asks is told, and the log is not. What the start left undone is."""
    checked = Health()
    checked.add("disk", fails)
    assert (await checked.ready()).status == "down"
    assert caplog.text == ""
    async with watched(checked):
        assert caplog.text.count("not ready: disk") == 1
    checked.add("bus", fails)
    assert (await checked.ready()).checks["bus"].status == "down"
    assert "bus" not in caplog.text


async def test_what_is_still_starting_is_no_news_either(caplog: pytest.LogCaptureFixture) -> None:
    """It takes its time at every start: who asks is told, and the log hears of it only when it fails."""
    errors: list[Exception] = [StillStarting("0 of 2 are up")]

    async def check() -> None:
        raise errors[-1]

    checked = Health()
    checked.add("workers", check)
    async with watched(checked):
        assert (await checked.ready()).checks["workers"].detail == "0 of 2 are up"
        assert caplog.text == ""
        errors.append(Unavailable("1 of 2 are up"))
        await checked.ready()
        assert "not ready: workers: 1 of 2 are up" in caplog.text


async def test_hanging_checks_end_together_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks gets an answer in one time-out, however many checks hang, and it names the reason."""
    monkeypatch.setattr(health, "CHECK_SECONDS", 0.1)
    checked = Health()
    for number in range(50):
        checked.add(f"check {number}", hangs)
    started = time.monotonic()
    ready = await asyncio.wait_for(checked.ready(), allowed(5))
    assert time.monotonic() - started < allowed(1)
    assert {(result.status, result.detail) for result in ready.checks.values()} == {("down", "does not answer")}
    assert all(result.latency_ms >= 100 for result in ready.checks.values())


async def test_many_who_ask_at_once_cost_one_look() -> None:
    """The gateway's readiness is open to everybody: it must not use up the connections that the work needs."""
    looks = 0

    async def look() -> None:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)

    checked = Health()
    checked.add("bus", look)
    impatient = asyncio.create_task(checked.ready())
    others = [asyncio.create_task(checked.ready()) for _ in range(50)]
    await asyncio.sleep(0)
    impatient.cancel()
    assert {(await other).status for other in others} == {"ok"}
    assert looks == 1
    await checked.ready()
    assert looks == 2


async def test_being_cancelled_is_no_verdict() -> None:
    """Who stops asking must not be told that the dependency is down."""
    check = asyncio.create_task(run_check(hangs, 1.0))
    await asyncio.sleep(0)
    check.cancel()
    with pytest.raises(asyncio.CancelledError):
        await check


async def test_a_process_without_checks_is_ready() -> None:
    """It depends on nothing."""
    assert (await Health().ready()).status == "ok"

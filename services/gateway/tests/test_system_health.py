"""What GET /health tells, and what it keeps to itself."""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import msgspec

from services.gateway.system_health import REMEMBER_SECONDS, TOLD_SECONDS, SystemHealth
from shared.cache.fake import FakeCacheStore
from shared.contracts.errors import DeadlineExceeded
from shared.contracts.messages import SERVICES
from shared.runtime.bus.caller import Caller, Reply
from shared.runtime.health import CheckResult, Readiness
from shared.runtime.tests.eventually import eventually
from tests.clock import FakeClock


class Asked:
    """Services that say how they are; one that is not named does not answer."""

    def __init__(self, **said: dict[str, CheckResult]) -> None:
        self.said = said
        self.times = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def ask(self, _: object, *, service: str, seconds: float) -> Reply:
        """Answer for a service."""
        self.times += 1
        await self.may_answer.wait()
        if service not in self.said:
            raise DeadlineExceeded(f"The {service} service did not answer within {seconds:g} s")
        checks = self.said[service]
        status = "ok" if all(check.status == "ok" for check in checks.values()) else "down"
        return Reply(msgspec.json.encode(Readiness(status, checks)), {}, 0.0)


def health(
    asked: Asked, bus_error: Exception | None = None, clock: Callable[[], float] = time.monotonic
) -> SystemHealth:
    """Return the gateway's view."""

    async def bus() -> None:
        if bus_error is not None:
            raise bus_error

    return SystemHealth("1.0", bus, FakeCacheStore(), cast("Caller", asked), cache_enabled=True, clock=clock)


WELL = {"bus": CheckResult("ok", 0.1)}


async def test_all_well() -> None:
    """Every part by its name."""
    status = await health(Asked(**dict.fromkeys(SERVICES, WELL))).status()
    assert status.status == "ok"
    assert status.checks.keys() == {"bus", "cache", *SERVICES}


async def test_a_stranger_learns_which_part_fails_and_not_where_it_is() -> None:
    """The page is open to everybody: no address, no account, no library's words, of this process or of another."""
    private = CheckResult("down", 1.0, "no route to postgresql://me:hunter2@10.0.0.5/x")
    asked = Asked(strategy={**WELL, "database": private, "relay": private}, backtest=WELL, metrics=WELL)
    status = await health(asked, ConnectionError("Error 111 connecting to redis://:hunter2@10.0.0.6")).status()
    assert status.status == "down"
    details = {name: check.detail for name, check in status.checks.items() if check.status != "ok"}
    assert details == {
        "bus": "does not answer",
        "strategy": "not ready: database, relay",
        "invalidator": "The invalidator service did not answer within 1 s",
    }


async def test_who_asks_often_waits_for_no_service() -> None:
    """A verdict of half a second and more is told at once, and found out anew meanwhile, once for all who ask."""
    clock, asked = FakeClock(), Asked(**dict.fromkeys(SERVICES, WELL))
    seen = health(asked, clock=clock.monotonic)
    await seen.status()
    asked.may_answer.clear()
    clock.advance(seconds=REMEMBER_SECONDS + 0.1)
    async with asyncio.timeout(1):
        told = [await seen.status() for _ in range(3)]
    assert [each.status for each in told] == ["ok"] * 3
    asked.said.clear()
    asked.may_answer.set()

    async def is_down() -> bool:
        return (await seen.status()).status == "down"

    await eventually(is_down)
    assert asked.times == 2 * len(SERVICES)


async def test_what_was_found_long_ago_is_not_told() -> None:
    """Who asks seldom waits, and hears how everything is now."""
    clock, asked = FakeClock(), Asked(**dict.fromkeys(SERVICES, WELL))
    seen = health(asked, clock=clock.monotonic)
    assert (await seen.status()).status == "ok"
    asked.said.clear()
    clock.advance(seconds=TOLD_SECONDS + 0.1)
    assert (await seen.status()).status == "down"


async def test_what_was_just_found_is_not_asked_for_again() -> None:
    """However often somebody asks."""
    asked = Asked(**dict.fromkeys(SERVICES, WELL))
    seen = health(asked, clock=FakeClock().monotonic)
    await asyncio.gather(*(seen.status() for _ in range(10)))
    await seen.status()
    assert asked.times == len(SERVICES)

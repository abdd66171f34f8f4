"""What GET /health tells, and what it keeps to itself."""

from typing import cast

import msgspec

from services.gateway.system_health import SystemHealth
from shared.cache.fake import FakeCacheStore
from shared.contracts.errors import DeadlineExceeded
from shared.contracts.messages import SERVICES
from shared.runtime.bus.caller import Caller, Reply
from shared.runtime.health import CheckResult, Readiness


class Asked:
    """Services that say how they are; one that is not named does not answer."""

    def __init__(self, **said: dict[str, CheckResult]) -> None:
        self._said = said

    async def ask(self, _: object, *, service: str, seconds: float) -> Reply:
        """Answer for a service."""
        if service not in self._said:
            raise DeadlineExceeded(f"The {service} service did not answer within {seconds:g} s")
        checks = self._said[service]
        status = "ok" if all(check.status == "ok" for check in checks.values()) else "down"
        return Reply(msgspec.json.encode(Readiness(status, checks)), {}, 0.0)


def health(asked: Asked, bus_error: Exception | None = None) -> SystemHealth:
    """Return the gateway's view."""

    async def bus() -> None:
        if bus_error is not None:
            raise bus_error

    return SystemHealth("1.0", bus, FakeCacheStore(), cast("Caller", asked), cache_enabled=True)


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

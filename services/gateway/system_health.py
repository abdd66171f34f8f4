"""How the whole system is, as the gateway sees it: its two servers, and every service asked over the bus."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Literal

import msgspec

from services.gateway.core.verdict import overall
from shared.cache.connect import answers
from shared.cache.store import CacheStore
from shared.contracts.errors import Unavailable
from shared.contracts.messages import SERVICES, CheckHealth
from shared.runtime.bus.caller import Caller
from shared.runtime.health import Check, CheckResult, Readiness, run_check

# A service tells within health.CHECK_SECONDS which of its checks fail.
ASK_SECONDS = 1.0
# Asked by balancers and people alike; the services are asked at most this often.
REMEMBER_SECONDS = 0.5
# What was found up to so long ago is told at once, while it is found out anew: who asks often waits for nobody.
TOLD_SECONDS = 1.0

_READINESS = msgspec.json.Decoder(Readiness)


class SystemStatus(msgspec.Struct, frozen=True):
    """What GET /health answers."""

    status: Literal["ok", "degraded", "down"]
    version: str
    uptime_seconds: float
    checks: dict[str, CheckResult]


class SystemHealth:
    """Runs all checks at once and remembers the outcome for a moment."""

    def __init__(
        self,
        version: str,
        bus: Check,
        cache: CacheStore,
        caller: Caller,
        *,
        cache_enabled: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._version = version
        self._clock = clock
        self._started = clock()
        self._bus = bus
        self._cache = cache if cache_enabled else None
        self._caller = caller
        self._found: dict[str, CheckResult] = {}
        self._found_at = -math.inf
        self._looking: asyncio.Task[None] | None = None

    async def status(self) -> SystemStatus:
        """Return the verdict with every check, as it was at most TOLD_SECONDS ago."""
        age = self._clock() - self._found_at
        if age > REMEMBER_SECONDS:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._look())
            if age > TOLD_SECONDS:
                await asyncio.shield(self._looking)
        checks = self._found
        return SystemStatus(
            status=overall({name: result.status for name, result in checks.items()}),
            version=self._version,
            uptime_seconds=round(self._clock() - self._started, 3),
            checks=checks,
        )

    async def _look(self) -> None:
        results = await asyncio.gather(
            run_check(self._bus, ASK_SECONDS),
            self._cache_check(),
            *(run_check(self._asking(name), 2 * ASK_SECONDS) for name in SERVICES),
        )
        self._found = dict(zip(("bus", "cache", *SERVICES), results, strict=True))
        self._found_at = self._clock()

    async def _cache_check(self) -> CheckResult:
        if self._cache is None:
            return CheckResult("disabled", 0.0)
        return await run_check(answers(self._cache), ASK_SECONDS)

    def _asking(self, service: str) -> Check:
        async def check() -> None:
            reply = await self._caller.ask(CheckHealth(), service=service, seconds=ASK_SECONDS)
            readiness = _READINESS.decode(reply.body)
            if readiness.status != "ok":
                failing = [name for name, result in readiness.checks.items() if result.status != "ok"]
                raise Unavailable(f"not ready: {', '.join(failing)}")

        return check

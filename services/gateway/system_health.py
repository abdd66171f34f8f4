"""How the whole system is, as the gateway sees it: its two servers, and every service asked over the bus."""

import asyncio
import time
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

_READINESS = msgspec.json.Decoder(Readiness)


class SystemStatus(msgspec.Struct, frozen=True):
    """What GET /health answers."""

    status: Literal["ok", "degraded", "down"]
    version: str
    uptime_seconds: float
    checks: dict[str, CheckResult]


class SystemHealth:
    """Runs all checks at once and remembers the outcome for a moment."""

    def __init__(self, version: str, bus: Check, cache: CacheStore, caller: Caller, *, cache_enabled: bool) -> None:
        self._version = version
        self._started = time.monotonic()
        self._bus = bus
        self._cache = cache if cache_enabled else None
        self._caller = caller
        self._lock = asyncio.Lock()
        self._last: tuple[float, dict[str, CheckResult]] = (0.0, {})

    async def status(self) -> SystemStatus:
        """Return the verdict with every check."""
        async with self._lock:
            at, checks = self._last
            if not checks or time.monotonic() - at > REMEMBER_SECONDS:
                checks = await self._check_all()
                self._last = (time.monotonic(), checks)
        return SystemStatus(
            status=overall({name: result.status for name, result in checks.items()}),
            version=self._version,
            uptime_seconds=round(time.monotonic() - self._started, 3),
            checks=checks,
        )

    async def _check_all(self) -> dict[str, CheckResult]:
        results = await asyncio.gather(
            run_check(self._bus, ASK_SECONDS),
            self._cache_check(),
            *(run_check(self._asking(name), 2 * ASK_SECONDS) for name in SERVICES),
        )
        return dict(zip(("bus", "cache", *SERVICES), results, strict=True))

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

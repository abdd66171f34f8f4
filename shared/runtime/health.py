"""Liveness (this process) and readiness (what it cannot work without), as ASGI routes and as values."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

Check = Callable[[], Awaitable[None]]

CHECK_TIMEOUT = 2.0


class CheckResult(msgspec.Struct, frozen=True):
    """How one dependency is; `latency_ms` is how long it took to say so."""

    status: str
    latency_ms: float
    detail: str = ""


class Readiness(msgspec.Struct, frozen=True):
    """The verdict and what it rests on."""

    status: str
    checks: dict[str, CheckResult]


class Health:
    """The checks of one process. A check passes by returning and fails by raising."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def add(self, name: str, check: Check) -> None:
        """Make readiness depend on `check`."""
        self._checks[name] = check

    async def ready(self) -> Readiness:
        """Run all checks at once, each within CHECK_TIMEOUT seconds."""
        names = list(self._checks)
        results = await asyncio.gather(*(run_check(self._checks[name]) for name in names))
        ok = all(result.status == "ok" for result in results)
        return Readiness(status="ok" if ok else "down", checks=dict(zip(names, results, strict=True)))


async def run_check(check: Check) -> CheckResult:
    """Run one check and say how it went; never raises."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(CHECK_TIMEOUT):
            await check()
    except Exception as error:  # whatever it was, the dependency is not usable
        detail = str(error) or type(error).__name__
        return CheckResult("down", _since(started), detail)
    return CheckResult("ok", _since(started))


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)

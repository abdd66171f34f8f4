"""Liveness (this process) and readiness (what it cannot work without), as values.

What a check says may be shown to anybody: the sentence of a ServiceError is written for strangers. Any other error's
text may hold an address or worse, so that it goes to the log alone.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import msgspec

from shared.contracts.errors import ServiceError, Unavailable
from shared.runtime.logs import because

log = logging.getLogger(__name__)

Check = Callable[[], Awaitable[None]]

# Who asks gives up after a second, as Kubernetes does by default: it is to hear the reason before.
CHECK_SECONDS = 0.8
# How soon the log tells what nobody has asked about.
WATCH_SECONDS = 2.0
NO_ANSWER = "does not answer"


class StillStarting(Unavailable):
    """Not ready yet, as is usual after a start: told to who asks, and not to the log."""


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
    """The checks of one process. A check passes by returning and fails by raising; while it is watched what changes is
    logged: a start and a stop, during which much is not there, have lines of their own.
    """

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}
        self._watched = False
        self._told: dict[str, str] = {}
        self._running: asyncio.Task[Readiness] | None = None

    def add(self, name: str, check: Check) -> None:
        """Make readiness depend on `check`."""
        self._checks[name] = check

    async def ready(self) -> Readiness:
        """Run all checks at once, each within CHECK_SECONDS. Who asks meanwhile gets the same answer."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._check_all())
        return await asyncio.shield(self._running)

    async def watch(self) -> None:
        """Look until cancelled, so that the log tells what fails though nobody asks."""
        self._watched = True
        try:
            while True:
                await self.ready()
                await asyncio.sleep(WATCH_SECONDS)
        finally:
            self._watched = False

    async def _check_all(self) -> Readiness:
        news = self._watched
        names = list(self._checks)
        ran = await asyncio.gather(*(_run(self._checks[name], CHECK_SECONDS) for name in names))
        if news and self._watched:
            for name, (result, error) in zip(names, ran, strict=True):
                self._tell(name, result.detail, error)
        checks = {name: result for name, (result, _) in zip(names, ran, strict=True)}
        return Readiness(status="down" if any(error for _, error in ran) else "ok", checks=checks)

    def _tell(self, name: str, detail: str, error: Exception | None) -> None:
        if error is None:
            if self._told.pop(name, None) is not None:
                log.warning("ready again: %s", name)
        elif self._told.get(name) != detail and not isinstance(error, StillStarting):
            self._told[name] = detail
            log.warning("not ready: %s: %s%s", name, detail, because(error))


async def run_check(check: Check, within: float) -> CheckResult:
    """Run one check, within so many seconds, and say how it went; never raises."""
    return (await _run(check, within))[0]


async def _run(check: Check, within: float) -> tuple[CheckResult, Exception | None]:
    started = time.perf_counter()
    try:
        async with asyncio.timeout(within):
            await check()
    except ServiceError as error:
        return CheckResult("down", _since(started), error.detail), error
    except Exception as error:  # whatever it is, the dependency is not usable
        told = Unavailable(NO_ANSWER)
        told.__cause__ = error
        return CheckResult("down", _since(started), told.detail), told
    return CheckResult("ok", _since(started)), None


def _since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)

"""Work that is done when it is due: the rounds of the live checkers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, NoReturn

log = logging.getLogger(__name__)

FAULT_SECONDS: Final = 1.0


async def whenever_due(
    pause: Callable[[], float | None], nudged: asyncio.Event, work: Callable[[], Awaitable[None]], complaint: str
) -> NoReturn:
    """Do `work` when `pause()` is 0, else after so many seconds (None: for ever) or when `nudged`, until cancelled.

    What it raises is logged as a `complaint`, and it goes on after a while: whatever it is, a checker must not end the
    service that it runs in.
    """
    while True:
        seconds = pause()
        if seconds != 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await nudged.wait()
            nudged.clear()
        try:
            await work()
        except Exception:
            log.exception("%s", complaint)
            await asyncio.sleep(FAULT_SECONDS)

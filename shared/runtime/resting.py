"""Reading figures again and again without taking much of anybody's time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn


async def repeat(work: Callable[[], Awaitable[bool]], *, every: float, rest: float) -> NoReturn:
    """Do `work` with so many seconds in between, and `rest` times as long as it took if that is more.

    Work that says it was in vain has waited for somebody, rather than taken his time: it is not rested from.
    """
    while True:
        begun = time.perf_counter()
        done = await work()
        took = time.perf_counter() - begun if done else 0.0
        await asyncio.sleep(max(every, rest * took))

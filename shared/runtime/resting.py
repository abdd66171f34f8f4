"""Reading figures again and again without taking much of anybody's time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn


async def repeat(work: Callable[[], Awaitable[None]], *, every: float, rest: float) -> NoReturn:
    """Do `work` with so many seconds in between, and `rest` times as long as it took if that is more."""
    while True:
        begun = time.perf_counter()
        await work()
        await asyncio.sleep(max(every, rest * (time.perf_counter() - begun)))

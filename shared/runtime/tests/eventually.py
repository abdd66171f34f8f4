"""Waiting for what happens by itself: asked again and again, never slept for."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.seconds import allowed


async def eventually(holds: Callable[[], Awaitable[bool]], within: float = 5.0) -> None:
    """Return once `holds()` is true. Raises TimeoutError when it is not within so many seconds.

    It is asked the less often the longer that takes: who asks takes the processor from what is waited for.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    async with asyncio.timeout(allowed(within)):
        while not await holds():
            await asyncio.sleep(min(max(0.01, (clock() - began) / 20), 0.1))


async def never(holds: Callable[[], Awaitable[bool]], during: float) -> None:
    """Look for so many seconds, and fail when `holds()` is true."""
    end = asyncio.get_running_loop().time() + during
    while asyncio.get_running_loop().time() < end:
        assert not await holds()
        await asyncio.sleep(0.01)


async def ended(task: "asyncio.Task[None]") -> None:
    """Cancel a task and wait for its end; again when it missed that, as redis-py can before Python 3.12."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1)

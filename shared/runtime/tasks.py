"""Ending tasks."""

import asyncio
from collections.abc import Iterable
from typing import Any

# Longer than any background work takes to clean up, shorter than a stop may take.
AGAIN_SECONDS = 1.0


async def end_tasks(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait for their end. One that does not end is cancelled again: asyncio.wait_for, with which
    redis-py waits, can swallow a cancellation before Python 3.12, and a loop around it would go on for ever.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=AGAIN_SECONDS)

"""Doing several things at once, all or none."""

import asyncio
from collections.abc import Coroutine


async def together(*work: Coroutine[object, object, object]) -> None:
    """Run all; when one fails the others are cancelled and its error is raised as it is, not inside a group."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for one in work:
                tasks.create_task(one)
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None

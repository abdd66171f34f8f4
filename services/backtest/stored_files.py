"""Storing the files of a result, all of them or none."""

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path

from shared.contracts.errors import Unavailable
from shared.runtime.objects import Objects


async def store_files(objects: Objects, files: Mapping[str, Path]) -> None:
    """Store each file under its key. When that fails, or is not wanted any more, none stays. Raises Unavailable."""

    async def store_all() -> None:
        for key, file in files.items():
            await objects.put(key, file)

    storing = asyncio.create_task(store_all())
    try:
        await asyncio.shield(storing)
    except BaseException:
        # What has been handed to the store cannot be called back: it would come after the deletion.
        await asyncio.wait({storing})
        with contextlib.suppress(Unavailable):
            for key in files:
                await objects.delete(key)
        raise

"""Sends a table that waits as a file in the object store, without holding it in memory."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from typing import Any, BinaryIO

import msgspec
from litestar import Response
from litestar.response import Stream

from services.gateway.core.table_forms import ENDINGS, MEDIA_TYPES
from shared.contracts.errors import NotFound, Unavailable
from shared.contracts.messages import TableForm
from shared.contracts.values import Export
from shared.runtime.bus.caller import Reply
from shared.runtime.objects import Objects

CHUNK = 1024 * 1024

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


async def exported(objects: Objects, reply: Reply, form: TableForm, name: str, etag: str) -> Response[Any]:
    """Return the answer that streams the file an Export names, to be saved as `name`. Raises Unavailable.

    The file is taken out of the store first, so that nothing stays there however the client leaves.
    """
    key = msgspec.json.decode(reply.body, type=Export).object_key
    try:
        async with objects.as_file(key) as path:
            file = await asyncio.to_thread(path.open, "rb")
    except NotFound as error:
        raise Unavailable("The table is no longer in the object store; ask again") from error
    try:
        await objects.delete(key)
        size = os.fstat(file.fileno()).st_size
    except BaseException:
        file.close()
        raise
    headers = {
        "ETag": etag,
        "Cache-Control": "private, no-cache",
        "Vary": "Authorization, Accept",
        "Content-Length": str(size),
        "Content-Disposition": f'attachment; filename="{_UNSAFE.sub("-", name)}.{ENDINGS[form]}"',
    }
    return Stream(_chunks(file), media_type=MEDIA_TYPES[form], headers=headers)


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk

"""Answers with a table as a file, which waits in the object store, without holding it in memory."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from typing import Any, BinaryIO
from urllib.parse import quote

import msgspec
from litestar import Request, Response
from litestar.response import Stream

from services.gateway.core.etags import matches
from services.gateway.core.table_forms import ENDINGS, MEDIA_TYPES
from services.gateway.notes import notes_of
from services.gateway.read_path import Gateway, check_if_match, tags_in
from shared.contracts import messages
from shared.contracts.errors import InputError, Malformed, NotFound, PreconditionFailed, Unavailable
from shared.contracts.ids import new_id
from shared.contracts.messages import TableForm
from shared.contracts.values import Export
from shared.runtime.objects import Objects

CHUNK = 1024 * 1024
EXPORT_SECONDS = 60.0
VARY = "Authorization, Accept"

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


ExportMessage = messages.ExportBars | messages.ExportEquity | messages.ExportTrades | messages.ExportSweepResults


class _Result(msgspec.Struct):
    result_digest: str | None = None


_RESULT = msgspec.json.Decoder(_Result)


def result_in(body: bytes) -> str | None:
    """Return what names the result of the run or sweep in `body`, before any file of it is made.

    None where there is none, or the run is cached from before its end.
    """
    digest = _RESULT.decode(body).result_digest
    return digest and digest[:32]


def refuse_pages(form: TableForm, what: str, **given: object) -> None:
    """Raise Malformed for a parameter of a page, `what` being all that a file of this form holds."""
    for name, value in given.items():
        if value is not None:
            why = f"pages are for JSON; {MEDIA_TYPES[form]} holds {what}"
            raise Malformed(f"{name}: {why}", errors=(InputError(f"/query/{name}", why),))


async def table_file(
    gateway: Gateway,
    objects: Objects,
    request: Request[Any, Any, Any],
    export: ExportMessage,
    *,
    name: str,
    content: str | None,
) -> Response[Any]:
    """Answer with the file that `export` has made, or 304 to a client that has it. Raises ServiceError.

    No cache holds files, whatever was looked up for one.

    `content` names what will be in it, None when it is not known whether there is anything. Where it is known HEAD is
    answered without the file, of whose headers only the length needs it (RFC 9110, section 9.3.2).
    """
    notes, media_type = notes_of(request), MEDIA_TYPES[export.form]
    notes.cache_status = ""
    etag = f'"{content or new_id()}-{export.form}"'
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": VARY}
    if content is not None:
        check_if_match(request, etag)
    if content is not None and matches(tags_in(request, "if-none-match"), etag):
        # The type is not sent, but tells which coding the file would have been sent in (coded.py).
        return Response(b"", status_code=304, headers={**headers, "Content-Type": media_type})
    headers["Content-Disposition"] = saved_as(f"{name}.{ENDINGS[export.form]}")
    if content is not None and notes.head:
        notes.unmade = True
        return Response(b"", headers=headers, media_type=media_type)
    reply = await gateway.ask(request, export, notes.caller, seconds=EXPORT_SECONDS)
    key = msgspec.json.decode(reply.body, type=Export).object_key
    if content is None:
        await _check_if_match(request, etag, objects, key)
    return await exported(objects, key, media_type, headers)


async def _check_if_match(request: Request[Any, Any, Any], etag: str, objects: Objects, key: str) -> None:
    """Do it of a file that could not be named before it was made; one that is not wanted does not stay."""
    try:
        check_if_match(request, etag)
    except PreconditionFailed:
        await objects.delete(key)
        raise


async def exported(objects: Objects, key: str, media_type: str, headers: dict[str, str]) -> Response[Any]:
    """Return the answer that streams the file under a key. Raises Unavailable.

    The file is taken out of the store first, so that nothing stays there however the client leaves.
    """
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
    return Stream(_chunks(file), media_type=media_type, headers={**headers, "Content-Length": str(size)})


def saved_as(name: str) -> str:
    """Return the header that names a file: plainly for every client, and in its own letters beside that (RFC 6266)."""
    own = "" if name.isascii() else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'attachment; filename="{_UNSAFE.sub("-", name)}"{own}'


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while chunk := await asyncio.to_thread(file.read, CHUNK):
            yield chunk

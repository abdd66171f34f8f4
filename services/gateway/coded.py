"""The layer that sends answers in the coding their client wants, inside the edge and around the application.

What comes from inside speaks of plain bytes: their tag, their length. What goes out speaks of the bytes that are sent;
HEAD and 304, which send none, of those that GET and 200 would have sent. For that a 304 from inside says what its 200
would have said: Content-Type, and Content-Length where the whole body is at hand. The edge takes both away.

Files from the object store are coded on their way, piece by piece and whatever their size, without a Content-Length.
HEAD does not have them made.
"""

import asyncio
import time
from typing import Any, Final

import msgspec
from faststream.asgi.types import ASGIApp, Receive, Scope, Send

from services.gateway.core.coded_headers import accept_encoding, coded_headers, coding_for, may_be_coded, value_of
from services.gateway.core.codings import Compressor, NotAcceptable, choose, compress, compressor
from services.gateway.core.problems import problem_of
from services.gateway.notes import notes_in
from services.gateway.problems import PROBLEM_JSON

# Up to these many bytes compressing takes less than half a millisecond, about as long as others wait for any request.
# A thread costs 0.1 ms more, and milliseconds where the process is so busy that it gets the interpreter back late.
INLINE: Final = {"zstd": 256 * 1024, "br": 128 * 1024, "gzip": 32 * 1024}

Message = Any  # an ASGI event


class Coded:
    """Wraps the application. Bodies of less than `minimum` bytes stay plain where the client takes them so."""

    def __init__(self, application: ASGIApp, minimum: int) -> None:
        self._application = application
        self._minimum = minimum

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request through, or refuse it, before it changes anything, when no answer could be sent."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        accepted = accept_encoding(scope["headers"])
        try:
            choose(accepted)
        except NotAcceptable as refused:
            await _refuse(scope, send, refused)
            return
        await self._application(scope, receive, _Answer(scope, send, accepted, self._minimum))


async def compressed(body: bytes, coding: str) -> bytes:
    """Return the body in a coding; a large one is compressed in a thread."""
    if len(body) <= INLINE.get(coding, len(body)):
        return compress(body, coding)
    return await asyncio.to_thread(compress, body, coding)


class _Answer:
    """One answer on its way. Its start is held back until the first of its body says whether that is all."""

    __slots__ = ("_accepted", "_minimum", "_scope", "_send", "_start", "_stream")

    def __init__(self, scope: Scope, send: Send, accepted: str, minimum: int) -> None:
        self._scope = scope
        self._send = send
        self._accepted = accepted
        self._minimum = minimum
        self._start: Message = None
        self._stream: _Stream | None = None

    async def __call__(self, message: Message) -> None:
        """Take an event from the application."""
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] != "http.response.body":
            await self._send(message)
        elif self._start is not None:
            start, self._start = self._start, None
            await self._begin(start, message)
        elif self._stream is not None:
            await self._stream.send(message)
        else:
            await self._send(message)

    async def _begin(self, start: Message, message: Message) -> None:
        status, headers, body = start["status"], start["headers"], message.get("body", b"")
        if not may_be_coded(status, headers):
            await self._plain(start, message)
        elif status == 304:
            size = value_of(headers, b"content-length")
            coding = coding_for(self._accepted, headers, int(size) if size else None, self._minimum)
            await self._plain({**start, "headers": _described(headers, coding)}, message)
        elif notes_in(self._scope).unmade:
            coding = coding_for(self._accepted, headers, None, self._minimum)
            await self._plain({**start, "headers": coded_headers(headers, coding, None)}, message)
        elif message.get("more_body", False):
            await self._begin_stream(start, message)
        else:
            coding = coding_for(self._accepted, headers, len(body), self._minimum) if body else ""
            if coding:
                began = time.perf_counter()
                body = await compressed(body, coding)
                notes_in(self._scope).spent("coding", time.perf_counter() - began)
            start = {**start, "headers": coded_headers(headers, coding, len(body))}
            await self._plain(start, {**message, "body": body})

    async def _begin_stream(self, start: Message, message: Message) -> None:
        headers = start["headers"]
        coding = coding_for(self._accepted, headers, None, self._minimum)
        length = "" if coding else value_of(headers, b"content-length")
        start = {**start, "headers": coded_headers(headers, coding, int(length) if length else None)}
        if not coding:
            await self._plain(start, message)
            return
        await self._send(start)
        self._stream = _Stream(self._send, coding)
        await self._stream.send(message)

    async def _plain(self, start: Message, message: Message) -> None:
        await self._send(start)
        await self._send(message)


class _Stream:
    """A body that is coded on its way."""

    __slots__ = ("_coding", "_compressor", "_send")

    def __init__(self, send: Send, coding: str) -> None:
        self._send = send
        self._coding = coding
        self._compressor: Compressor = compressor(coding)

    async def send(self, message: Message) -> None:
        """Take a piece, and send what comes of it."""
        piece, more = message.get("body", b""), message.get("more_body", False)
        large = len(piece) > INLINE[self._coding]
        body = await asyncio.to_thread(self._code, piece, more) if large else self._code(piece, more)
        if body or not more:
            await self._send({**message, "body": body})

    def _code(self, piece: bytes, more: bool) -> bytes:
        coded = self._compressor.add(piece)
        return coded if more else coded + self._compressor.end()


def _described(headers: Any, coding: str) -> list[tuple[bytes, bytes]]:  # noqa: ANN401
    """Return the headers of a 304 whose 200 would have been in `coding`: it has no body for a coding to be of."""
    return [header for header in coded_headers(headers, coding, None) if header[0] != b"content-encoding"]


async def _refuse(scope: Scope, send: Send, refused: NotAcceptable) -> None:
    problem = problem_of(refused, scope["path"], notes_in(scope).request_id)
    body = msgspec.json.encode(problem)
    headers = [
        (b"content-type", PROBLEM_JSON.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"vary", b"Accept-Encoding"),
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""One connection to a gateway: HTTP/1.1 with one request at a time, and no more of it than the gateway's answers need.

A client library takes as long as the gateway for a hit; what it takes would be missing to the load.
"""

import asyncio
import contextlib
import gzip
import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """Header names are lower case; the body is without its content coding."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


class NoAnswer(Exception):
    """There was none in time, or the connection ended: what was asked for may have been done."""


class Connection:
    """To `127.0.0.1:port`; made when it is needed, and made anew after it has ended."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"", *, seconds: float
    ) -> Answer:
        """Send a request and return its answer. Raises NoAnswer."""
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(_request(method, path, headers, body))
        except (OSError, TimeoutError, EOFError, ValueError, IndexError, RuntimeError) as error:
            self.close()
            raise NoAnswer(repr(error)) from error
        except asyncio.CancelledError:
            self.close()
            raise

    def close(self) -> None:
        """End it."""
        if self._streams is not None:
            with contextlib.suppress(RuntimeError):
                self._streams[1].close()
            self._streams = None

    async def _exchange(self, request: bytes) -> Answer:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {}
        for line in head[1:-2]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(head[0].split(" ")[1]), headers, body)


def _request(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines += [] if "Content-Type" in headers else ["Content-Type: application/json"]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body

"""The way to a server, which can break off, fall silent, or lead to another server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class Way:
    """Passes bytes to and fro. `url` leads through it."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._target = self._parts.port
        self._port = 0
        self._silent: set[asyncio.StreamWriter] = set()
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """The address of the server, by this way."""
        host = f"{self._parts.netloc.rpartition(':')[0]}:{self._port}"
        return self._parts._replace(netloc=host).geturl()

    def lead_to(self, url: str) -> None:
        """Have new connections arrive at another server, and end those that there are."""
        self._target = urlsplit(url).port
        self.cut()

    def cut(self) -> None:
        """Reset every connection."""
        for writer in self._open:
            writer.transport.abort()

    def fall_silent(self) -> None:
        """Keep every connection open, and let nothing pass on it any more; new ones are well."""
        self._silent |= self._open

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if writer not in self._silent:
                    writer.write(data)
                    await writer.drain()
        writer.transport.abort()
        self._open.discard(writer)


@asynccontextmanager
async def way_to(url: str) -> AsyncIterator[Way]:
    """Lend a way to the server at `url`."""
    way = Way(url)
    server = await asyncio.start_server(way._pass, "127.0.0.1", 0)
    way._port = server.sockets[0].getsockname()[1]
    try:
        yield way
    finally:
        server.close()
        way.cut()

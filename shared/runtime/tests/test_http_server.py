"""The HTTP server's stop, as a client sees it that keeps its connection."""

import asyncio
from typing import Any

from faststream.asgi.types import Receive, Scope, Send

from shared.runtime.http_server import HttpServer, open_port


async def application(_: Scope, __: Receive, send: Send) -> None:
    """Answer anything."""
    start: Any = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]}
    await send(start)
    await send({"type": "http.response.body", "body": b""})


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    return (await reader.readuntil(b"\r\n\r\n")).lower()


async def test_a_kept_connection_hears_of_its_end() -> None:
    """What is asked once the stop has begun is answered, with the word that nothing more can be asked there."""
    port = open_port("127.0.0.1", 0)
    server = HttpServer(application, "127.0.0.1", port, linger=2.0)
    serving = server.start()
    async with asyncio.timeout(30):
        reader, writer = await _connected(port)
        assert b"connection: close" not in await _ask(reader, writer)
        stopping = asyncio.create_task(server.stop(20.0))
        await asyncio.sleep(0.3)  # a client that is at work, if not at this very moment
        assert b"connection: close" in await _ask(reader, writer)
        assert await reader.read() == b""
        await stopping
        assert serving.done()
        writer.close()

"""The HTTP server, as clients see it that keep their connections."""

import asyncio
import resource
from typing import Any

from faststream.asgi.types import Receive, Scope, Send

from shared.runtime.http_server import MOST_CONNECTIONS, HttpServer, most_connections, open_port


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


async def test_many_kept_connections_keep_nobody_out() -> None:
    """Three hundred clients that have been answered and stay, such as pages that listen for events, and one more."""
    port = open_port("127.0.0.1", 0)
    server = HttpServer(application, "127.0.0.1", port)
    server.start()
    async with asyncio.timeout(60):
        kept = [await _connected(port) for _ in range(301)]
        for reader, writer in kept:
            assert b"200" in await _ask(reader, writer)
        for _, writer in kept:
            writer.close()
        await server.stop(20.0)


def test_there_is_room_for_other_descriptors_than_clients() -> None:
    """Half of what this process may open, and no more than a server of ours can serve."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert 1 <= most_connections() <= MOST_CONNECTIONS
    assert soft == resource.RLIM_INFINITY or most_connections() <= soft / 2

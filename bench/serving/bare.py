"""`python -m bench.serving.bare PORT FILE`: one recorded answer, by the least application there is.

The server is the gateway's own, started as the gateway starts it, so that the difference is the application's. FILE is
an Answer as JSON; it is sent to whoever asks for whatever.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec
import uvloop

from shared.runtime.http_server import HttpServer

Send = Callable[[Mapping[str, object]], Awaitable[None]]


class Answer(msgspec.Struct, frozen=True):
    """What a server answered: the status, the headers as they came, in their order, and the bytes of the body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class Recorded:
    """Sends the answer, whatever is asked."""

    def __init__(self, answer: Answer) -> None:
        self._start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
        self._body = {"type": "http.response.body", "body": answer.body}

    async def __call__(self, scope: object, receive: object, send: Send) -> None:
        """Answer one request."""
        await send(self._start)
        await send(self._body)


async def serve(port: int, answer: Answer) -> None:
    """Answer on a port of this machine until killed."""
    server = HttpServer(Recorded(answer), "127.0.0.1", port)  # type: ignore[arg-type]  # any ASGI event will do
    await asyncio.wait([server.start()])


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=Answer)))

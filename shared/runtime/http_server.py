"""An ASGI application behind a port: Granian, inside this process and its event loop."""

import asyncio
import ipaddress
import resource
import socket
from collections.abc import Awaitable
from typing import Any

from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

# Its lines go where all others do. Below ERROR it has something to say about every start.
_LOGS = {"loggers": {"_granian": {"handlers": [], "propagate": True}}}

BACKLOG = 1024
"""Connections that wait to be taken, at most; the system may allow fewer."""
MOST_CONNECTIONS = 8192


def most_connections() -> int:
    """Return how many are served at once: all that there is room for in half of this process's descriptors.

    Granian's own bound is its backlog of 128, those among them on which nothing happens: pages that listen for events
    would keep everybody else out.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(MOST_CONNECTIONS, soft // 2))


def open_port(host: str, port: int) -> int:
    """Return `port`, or for 0 one that is free now. Raises OSError when it cannot be listened on.

    Granian shares a port with whoever has it; two programs of ours on one by mistake would answer in turns.
    """
    family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])


class HttpServer:
    """Answers requests with `application` from `start` to `stop`.

    For `linger` seconds of the stop clients that keep a connection are told with their next answer that it ends (RFC
    9112, section 9.6). Else one that asks just when it is closed would get no answer, and not know what became of it.
    """

    def __init__(self, application: ASGIApp, host: str, port: int, *, linger: float = 0.0) -> None:
        self._application = application
        self._linger = linger
        self._leaving = False
        self._server = Server(
            self._answer,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            websockets=False,
            backlog=BACKLOG,
            backpressure=most_connections(),
            log_level=LogLevels.error,
            log_dictconfig=_LOGS,
        )
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """Listen. The task ends when this does, whyever."""
        self._serving = asyncio.create_task(self._server.serve())
        return self._serving

    async def stop(self, seconds: float) -> None:
        """Take no more requests, and wait for those taken to be answered, for so long at most."""
        if self._serving is not None:
            self._leaving = True
            await asyncio.sleep(min(self._linger, seconds / 2))
            seconds -= min(self._linger, seconds / 2)
            self._server.stop()  # type: ignore[no-untyped-call]
            await asyncio.wait({self._serving}, timeout=seconds)

    def _answer(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        return self._application(scope, receive, _last(send) if self._leaving else send)


def _last(send: Send) -> Send:
    async def told(message: Any) -> None:  # noqa: ANN401  # any ASGI event
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
        await send(message)

    return told

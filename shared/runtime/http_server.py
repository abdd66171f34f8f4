"""An ASGI application behind a port: Granian, inside this process and its event loop."""

import asyncio
import ipaddress
import socket

from faststream.asgi.types import ASGIApp
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

# Its lines go where all others do. Below ERROR it has something to say about every start.
_LOGS = {"loggers": {"_granian": {"handlers": [], "propagate": True}}}


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
    """Answers requests with `application` from `start` to `stop`."""

    def __init__(self, application: ASGIApp, host: str, port: int) -> None:
        self._server = Server(
            application,
            address=host,
            port=port,
            interface=Interfaces.ASGINL,
            websockets=False,
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
            self._server.stop()  # type: ignore[no-untyped-call]
            await asyncio.wait({self._serving}, timeout=seconds)

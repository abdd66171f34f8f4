"""Running an ASGI application as a process: settings, signals, copies that share a port, exit codes."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TypeVar

import uvloop
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from granian.constants import Interfaces
from granian.errors import FatalError
from granian.server.embed import Server

from shared.runtime import logs
from shared.runtime.children import CHILD, Children, parent_gone
from shared.runtime.settings import Settings, SettingsError, load

log = logging.getLogger(__name__)

S = TypeVar("S", bound=Settings)


def free_port(host: str) -> int:
    """Return a port that is free on `host` now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def main(
    name: str,
    kind: type[S],
    build: Callable[[S], tuple[ASGIApp, int]],
    *,
    copies: Callable[[S], int] = lambda _: 1,
) -> None:
    """Load the settings, build the application and its port, and serve it; exits 0 when told to stop.

    Of more than one of `copies` each is a process of its own, and they share the port.
    """
    try:
        settings = load(kind)
        logs.configure(name, settings.log_level, production=settings.aurelius_env == "production")
        application, port = build(settings)
    except SettingsError as error:
        sys.exit(f"{name}: {error}")
    number = 1 if CHILD in os.environ else copies(settings)
    if number > 1:
        uvloop.run(_keep_copies(f"services.{name}", number))
    else:
        uvloop.run(serve(application, settings.host, port or free_port(settings.host)))


async def _keep_copies(module: str, number: int) -> None:
    keeping = asyncio.create_task(Children(module, number).run())
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, keeping.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await keeping


async def serve(application: ASGIApp, host: str, port: int) -> None:
    """Serve an ASGI application until SIGTERM or SIGINT. Raises SystemExit(1) when it ended without being told to."""
    loop = asyncio.get_running_loop()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        stopping = True
        server.stop()  # type: ignore[no-untyped-call]

    async def target(scope: Scope, receive: Receive, send: Send) -> None:
        # Until the start is complete there is nothing to finish, and the signals keep their default: die.
        async def send_and_listen(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                for number in (signal.SIGTERM, signal.SIGINT):
                    loop.add_signal_handler(number, stop)
            await send(message)

        if scope["type"] != "lifespan":
            await application(scope, receive, send)
            return
        try:
            await application(scope, receive, send_and_listen)
        except Exception:
            log.critical("the service cannot go on by itself", exc_info=True)
            raise
        finally:
            # Whatever ended it, without its lifespan there is nothing behind the port.
            server.stop()  # type: ignore[no-untyped-call]

    if CHILD in os.environ:
        orphaned = asyncio.create_task(parent_gone())  # the name keeps it from being collected
        orphaned.add_done_callback(lambda _: signal.raise_signal(signal.SIGTERM))
    server = Server(target, address=host, port=port, interface=Interfaces.ASGI, websockets=False, log_enabled=False)
    with contextlib.suppress(FatalError):
        await server.serve()
    if not stopping:
        sys.exit(1)

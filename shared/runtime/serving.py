"""Runs a service as this process: settings, signals, its HTTP interface, copies that share a port, exit codes."""

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import NoReturn, TypeVar

import uvloop

from shared.runtime import logs
from shared.runtime.children import CHILD, Children, parent_gone, tell_parent
from shared.runtime.connecting import CannotStart
from shared.runtime.environment import SettingsError, load, secrets_of, variable
from shared.runtime.heap import give_back_large_blocks
from shared.runtime.http_server import HttpServer, open_port
from shared.runtime.service import Service
from shared.runtime.settings import Settings

log = logging.getLogger(__name__)

# A stop that lasts longer than its time to drain and this has met with something that nobody thought of.
OVERTIME_SECONDS = 2.0

S = TypeVar("S", bound=Settings)


def run(name: str, kind: type[S], compose: Callable[[S], Service], *, http: bool = True) -> None:
    """Load the settings, compose the service and run it until it is told to stop; without `http` it listens nowhere.

    Exits 0 when it was told to stop, by SIGTERM, SIGINT or the end of its parent; 1 when it cannot start or cannot go
    on, with the reason in the log. A second signal ends it at once.
    """
    give_back_large_blocks()
    logs.configure(name, "INFO", json=logs.in_json(_given("LOG_FORMAT"), _given("AURELIUS_ENV")))
    logs.catch_strays()
    is_child = CHILD in os.environ
    try:
        settings = load(kind)
        secrets = secrets_of(settings) | settings.collector_secrets()
        json = logs.in_json(settings.log_format, settings.aurelius_env)
        logs.configure(name, settings.log_level, json=json, secrets=secrets)
        service = compose(settings)
        port = settings.port if is_child or not http else _open_port(settings)
    except SettingsError as error:
        for fault in error.faults:
            log.critical("%s", fault)
        sys.exit(1)
    logs.configure(name, settings.log_level, json=json, secrets=secrets, instance=service.instance)
    if http and settings.copies() > 1 and not is_child:
        uvloop.run(_to_its_end(_keep_copies(settings)))
    server = HttpServer(service.http, settings.host, port, linger=service.linger) if http else None
    uvloop.run(_to_its_end(_live(service, server, settings.drain_seconds)))


def _given(variable: str) -> str:
    """Return what a variable says before the settings have been read, which may be faulty."""
    return os.environ.get(variable, "").strip().lower()


def _open_port(settings: Settings) -> int:
    try:
        return open_port(settings.host, settings.port)
    except OSError as error:
        where = f"{variable(type(settings), 'port')}={settings.port} and HOST={settings.host}"
        raise SettingsError(f"{where} cannot be listened on: {error.strerror}") from error


async def _to_its_end(life: Coroutine[object, object, int]) -> None:
    """Live, and end the process with the exit code.

    Whatever matters is closed by then. The interpreter's own end would wait for threads, which nobody can interrupt (a
    file that is read, a kernel that computes), and takes half a second with the engine's libraries loaded.
    """
    try:
        code = await life
    except Exception:
        log.critical("an error that nobody expected", exc_info=True)
        code = 1
    _exit_now(code)


async def _keep_copies(settings: Settings) -> int:
    """Run further copies of this very program, which share its port."""
    spec = sys.modules["__main__"].__spec__
    module = "" if spec is None else spec.name.removesuffix(".__main__")
    seconds = settings.drain_seconds + OVERTIME_SECONDS
    children = Children(module, settings.copies(), stop_seconds=seconds, first_must_work=True)
    told, keeping = asyncio.create_task(_told_to_stop()), asyncio.create_task(children.run())
    await asyncio.wait({told, keeping}, return_when=asyncio.FIRST_COMPLETED)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    return 0 if told.done() else 1


async def _live(service: Service, server: HttpServer | None, drain_seconds: float) -> int:
    """Run the service from start to stop; returns the exit code."""
    told, failed = asyncio.create_task(_told_to_stop()), asyncio.create_task(service.failed.wait())
    ends: set[asyncio.Task[object]] = {told, failed}
    # Live from the beginning, whatever the start waits for. A copy leaves the port to its siblings until it is ready.
    if server is not None and CHILD not in os.environ:
        ends.add(server.start())
    async with AsyncExitStack() as running:
        starting = asyncio.create_task(running.enter_async_context(service.running()))
        await asyncio.wait({starting, *ends}, return_when=asyncio.FIRST_COMPLETED)
        if await _started(starting):
            if server is not None and CHILD in os.environ:
                ends.add(server.start())
            tell_parent()
            log.info("started")
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        _tell_failures(ends)
        overtime = _overtime(drain_seconds + OVERTIME_SECONDS)
        code = 0 if told.done() else 1
        service.begin_stop()
        log.info("stopping")
        if server is not None:
            await server.stop(service.seconds_left())
    overtime.cancel()
    return code


async def _started(starting: asyncio.Task[None]) -> bool:
    """Say whether the start is complete; one that is not is given up. What it fails with is logged."""
    starting.cancel()  # no more than a word to one that is done
    await asyncio.wait({starting})
    if starting.cancelled():
        return False
    error = starting.exception()
    if error is not None:
        log.critical("%s", error, exc_info=None if isinstance(error, CannotStart) else error)
    return error is None


def _tell_failures(tasks: set[asyncio.Task[object]]) -> None:
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            log.critical("this process cannot go on", exc_info=error)


async def _told_to_stop() -> None:
    """Return at the first SIGTERM or SIGINT, or when the parent is gone. From then on a signal ends the process."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()

    def tell() -> None:
        told.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    if CHILD in os.environ:
        orphaned = asyncio.create_task(parent_gone())
        orphaned.add_done_callback(lambda _: told.set())
    await told.wait()


def _overtime(seconds: float) -> threading.Timer:
    """End the process after so many seconds, whatever its event loop is doing then."""

    def end() -> None:
        log.critical("the stop has not come to its end: leaving")
        _exit_now(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    return timer


def _exit_now(code: int) -> NoReturn:
    logging.shutdown()
    os._exit(code)

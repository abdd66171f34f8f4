"""A launcher's life: take the data folder, start the system, run until told to stop, end everything."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from deploy.local.data_dir_lock import DataDirLock
from deploy.local.errors import StartError
from deploy.local.output import Output
from deploy.local.settings import Settings
from deploy.local.space import MIB, require_space
from deploy.local.system import System

_SPACE = 32 * MIB


async def run_until_stopped(settings: Settings, output: Output) -> None:
    """Start and stop by signal. Raises StartError, or OSError where the operating system refuses something."""
    _make(settings.data_dir)
    with DataDirLock(settings.data_dir) as lock:
        system = System(settings, output, lock.for_servers)
        told_to_stop = asyncio.Event()
        _on_stop_signals(first=told_to_stop.set, again=system.stop_now)
        try:
            await _start_unless(told_to_stop, system)
            await told_to_stop.wait()
            output.writer("launcher")("stopping")
        finally:
            await system.stop()


async def _start_unless(told_to_stop: asyncio.Event, system: System) -> None:
    """Start; give up half-way when told to stop. Raises StartError."""
    starting = asyncio.create_task(system.start())
    stopping = asyncio.create_task(told_to_stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
    if not starting.cancelled():
        starting.result()


def _on_stop_signals(*, first: Callable[[], None], again: Callable[[], None]) -> None:
    """SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal was closed), unless nohup has SIGHUP ignored."""
    received = 0

    def receive() -> None:
        nonlocal received
        received += 1
        (first if received == 1 else again)()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            asyncio.get_running_loop().add_signal_handler(number, receive)


def _make(data_dir: Path) -> None:
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise StartError(f"{error.filename} is no folder. Choose another: DATA_DIR=...") from error
    except FileNotFoundError as error:
        raise StartError(f"no folder can be made at {error.filename}. Choose another: DATA_DIR=...") from error
    require_space(data_dir, _SPACE)

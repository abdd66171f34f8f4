"""How a bench program ends, whoever ends it: what it has started ends with it, and no file stays.

What it starts is a Program of deploy.local, which on Linux the kernel ends with who started it, after a kill -9 too, in
a session of its own: Ctrl-C is for the program that measures, which ends the rest in its order.
"""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cli.interrupts import INTERRUPTED, interrupted_by_signals
from deploy.local.program import Program


@contextmanager
def undone_when_ended() -> Iterator[None]:
    """Undo what is done within when Ctrl-C, SIGTERM or the end of the terminal (SIGHUP) comes, and exit with 130."""
    with interrupted_by_signals():
        try:
            yield
        except (KeyboardInterrupt, asyncio.CancelledError):
            print("interrupted", file=sys.stderr)
            sys.exit(INTERRUPTED)


def program_of(module: str, *arguments: str) -> list[str]:
    """Return the command of a module of this checkout; it is told to stop (SIGTERM) when who starts it has ended."""
    return Program(module, [sys.executable, "-m", module, *arguments], death_signal=signal.SIGTERM).wrapped()


def printed_by(module: str, *arguments: str) -> tuple[str, int]:
    """Run a module to its end; return what it has printed, and its exit status.

    Who is interrupted meanwhile tells it to stop, and waits until it has undone what it did.
    """
    command = program_of(module, *arguments)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            text, _ = process.communicate()
        except KeyboardInterrupt:
            process.terminate()
            process.communicate()
            raise
    return text, process.returncode

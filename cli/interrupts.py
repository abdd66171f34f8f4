"""Ends a program as Ctrl-C does, whoever ends it: what it has begun is undone."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""Exit status of who was ended before its time."""


@contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Have SIGTERM, and SIGHUP from a terminal that is closed, do what Ctrl-C does. In the main thread.

    That is a KeyboardInterrupt, or where asyncio runs something the end of that. What the program was started to
    ignore, as by nohup, it ignores.
    """
    heeded = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is not signal.SIG_IGN]
    before = {each: signal.signal(each, _interrupt) for each in heeded}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """What Ctrl-C does at this moment; who was started in the background ignores that, but not this."""
    handler = signal.getsignal(signal.SIGINT)
    (handler if callable(handler) else signal.default_int_handler)(number, frame)

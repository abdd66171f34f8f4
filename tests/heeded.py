"""Signals that whoever is started does not ignore."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heeded_signals() -> Iterator[None]:
    """Have programs that are started heed what ends them, as they would not if these tests run in the background."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)

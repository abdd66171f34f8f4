"""Load from a thread, for as long as something else is done or measured."""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, takewhile
from urllib.parse import urlsplit

from cli.load import offering
from cli.load.wire import Request

CONNECTIONS = 32


@contextmanager
def offered(url: str, requests: Iterable[Request], rate: float, listener: offering.Listener) -> Iterator[None]:
    """Send so many of these a second until the end, and wait for their answers. Raises what the listener raises."""
    stop, parts = threading.Event(), urlsplit(url)

    def run() -> None:
        with offering.Load((str(parts.hostname), int(parts.port or 80)), CONNECTIONS) as load:
            wanted = takewhile(lambda _: not stop.is_set(), requests)
            load.offer(wanted, (number / rate for number in count()), listener)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            yield
        finally:
            stop.set()
        running.result()

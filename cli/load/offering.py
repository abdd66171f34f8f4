"""Offers load: each request at the moment at which it is due, whatever the answers take.

A client that sends a request when the last one is answered asks less of a server that stands still: the requests that
should have waited are never made (coordinated omission). Here each request has a moment at which it is due, and its
latency counts from that moment, on a connection or still waiting for one. `select` waits to the microsecond, where an
event loop would round to milliseconds; call from a thread when there is a loop to keep alive.
"""

import ctypes
import gc
import select
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from cli.load.connection import Connection
from cli.load.wire import Broken, Request, WrongAnswer

TIMEOUT = 30.0
"""Seconds after which a request that was due is given up."""
TICK = 0.25
"""Seconds between two calls of `tick`."""
AWAKE = 0.0001
"""Seconds before a request is due from which on nobody sleeps: a processor takes about as long to wake up."""

_PR_SET_TIMERSLACK = 29  # prctl(2)

Clock = Callable[[], float]


class Listener(Protocol):
    """Is told what happens to each request: `sent`, unless none of the connections got free for it, and how it ended.

    Times are in seconds from the moment at which it was due; `lateness` counts from then or, when all connections were
    busy, from when there was one for it: it is what the load itself is to blame for.
    """

    def sent(self, lateness: float) -> None:
        """A request is on its way."""

    def reopened(self) -> None:
        """The server had closed the connection since its last request."""

    def right(self, request: Request, latency: float) -> None:
        """The answer is what it must be."""

    def wrong(self, request: Request, why: str) -> None:
        """Another status or body, or the connection broke."""

    def overdue(self, request: Request, waited: float) -> None:
        """No answer in time."""


def at_constant_rate(rate: float, seconds: float) -> Iterator[float]:
    """Yield when requests are due, in seconds from the beginning: `rate` of them in each second."""
    # Each from its number: added up, a thousand intervals would be off by what each is rounded by.
    return (number / rate for number in range(round(rate * seconds)))


class Load:
    """A number of connections to one server, which stay open from one run to the next. A context manager."""

    def __init__(
        self,
        address: tuple[str, int],
        connections: int,
        timeout: float = TIMEOUT,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._clock = clock
        self._timeout = timeout
        self.processor_seconds = 0.0
        """What this process used of a processor in the last run."""
        self._free = deque(Connection(address) for _ in range(connections))
        # From the one that has been due for longest; whom a part of the request was not taken from yet is in both.
        self._busy: dict[Connection, None] = {}
        self._sending: set[Connection] = set()

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        for connection in (*self._free, *self._busy):
            connection.close()

    def offer(
        self,
        requests: Iterable[Request],
        due: Iterable[float] | None,
        listener: Listener,
        tick: Callable[[float], None] | None = None,
    ) -> float:
        """Send each request when it is due, or without `due` when there is a connection for it; return the seconds.

        Ends when each has ended, `timeout` after the last is due at the latest. `tick` is called now and then with the
        seconds since the beginning. Raises what the listener raises.
        """
        with _no_collections(), _woken_on_time():
            return self._run(_plan(requests, due), listener, tick)

    def _run(
        self, plan: Iterator[tuple[float | None, Request]], listener: Listener, tick: Callable[[float], None] | None
    ) -> float:
        used = time.process_time()
        begun = ticked = self._clock()
        upcoming = next(plan, None)
        while self._busy or upcoming is not None:
            while upcoming is not None:
                offset, request = upcoming
                now = self._clock()
                # Without an offset a request is due when there is a connection for it.
                due = now if offset is None else begun + offset
                if due > now:
                    break
                if now - due >= self._timeout:
                    listener.overdue(request, now - due)
                elif self._free:
                    self._send(request, due, now, listener)
                else:
                    break
                upcoming = next(plan, None)
            self._wait(None if upcoming is None or upcoming[0] is None else begun + upcoming[0], listener)
            now = self._clock()
            self._give_up(now, listener)
            if tick is not None and now - ticked >= TICK:
                ticked = now
                tick(now - begun)
        self.processor_seconds = time.process_time() - used
        return self._clock() - begun

    def _send(self, request: Request, due: float, now: float, listener: Listener) -> None:
        connection = self._free.popleft()
        lateness = now - max(due, connection.freed)
        try:
            lost = connection.send(request, due)
        except Broken as error:
            connection.close()
            self._let_go(connection)
            listener.wrong(request, str(error))
            return
        self._busy[connection] = None
        if connection.sending:
            self._sending.add(connection)
        listener.sent(lateness)
        if lost:
            listener.reopened()

    def _wait(self, due: float | None, listener: Listener) -> None:
        """Wait for an answer, for the next request to be due, or until one has to be given up."""
        now = self._clock()
        times = [now + TICK]
        if due is not None:
            times.append(due - AWAKE if self._free else due + self._timeout)
        if self._busy:
            times.append(next(iter(self._busy)).due + self._timeout)
        ready, writable, _ = select.select(self._busy, self._sending, [], max(0.0, min(times) - now))
        for connection in writable:
            self._flush(connection, listener)
        for connection in ready:
            if connection in self._busy:
                self._take(connection, listener)

    def _flush(self, connection: Connection, listener: Listener) -> None:
        try:
            connection.flush()
        except Broken as error:
            self._break(connection, str(error), listener)
            return
        if not connection.sending:
            self._sending.discard(connection)

    def _take(self, connection: Connection, listener: Listener) -> None:
        request = connection.request
        assert request is not None  # noqa: S101  # a busy one has one
        # It is there; to read and to check it is the load's own time.
        arrived = self._clock()
        try:
            answer = connection.receive()
        except Broken as error:
            self._break(connection, str(error), listener)
            return
        if answer is None:
            return
        self._let_go(connection)
        try:
            request.check(answer)
        except WrongAnswer as error:
            listener.wrong(request, str(error))
        else:
            listener.right(request, arrived - connection.due)

    def _give_up(self, now: float, listener: Listener) -> None:
        while self._busy:
            connection = next(iter(self._busy))
            request = connection.request
            if now - connection.due < self._timeout or request is None:
                return
            connection.close()
            self._let_go(connection)
            listener.overdue(request, now - connection.due)

    def _break(self, connection: Connection, why: str, listener: Listener) -> None:
        request = connection.request
        connection.close()
        self._let_go(connection)
        if request is not None:
            listener.wrong(request, why)

    def _let_go(self, connection: Connection) -> None:
        connection.freed = self._clock()
        self._busy.pop(connection, None)
        self._sending.discard(connection)
        self._free.append(connection)


def _plan(requests: Iterable[Request], due: Iterable[float] | None) -> Iterator[tuple[float | None, Request]]:
    if due is None:
        return ((None, request) for request in requests)
    return zip(due, requests, strict=False)


@contextmanager
def _no_collections() -> Iterator[None]:
    """A collection of garbage would be a pause of this process, told as the server's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _woken_on_time() -> Iterator[None]:
    """Linux wakes a thread up to 50 us late, so that it can wake several at once; it can be asked not to."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)  # Linux alone has it
    if prctl is not None:
        prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    try:
        yield
    finally:
        if prctl is not None:
            prctl(_PR_SET_TIMERSLACK, 0, 0, 0, 0)  # what the thread had at first

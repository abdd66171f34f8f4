"""A plain HTTP/1.1 client that offers load: so many requests a second whatever the answers take, or one after another.

wrk sends a request when the last one is answered, so that a server which stands still is asked less: the requests that
should have waited are never made (coordinated omission). Here each request has a moment at which it is due, and its
latency counts from that moment, on a connection or still waiting for one. `select` waits to the microsecond, where an
event loop would round to milliseconds; call from a thread when there is a loop to keep alive.
"""

import gc
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

TIMEOUT = 30.0
"""Seconds without any answer after which a run is given up."""

_END = b"\r\n\r\n"


class WrongAnswer(Exception):
    """A server answered with another status or body than it must: nothing is measured by that."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the headers by their names in lower case, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes


Check = Callable[[Answer], None]
"""Raises WrongAnswer."""


@dataclass(frozen=True, slots=True)
class Request:
    """The bytes to send, and what to do with the answer."""

    wire: bytes
    check: Check


@dataclass(slots=True)
class Load:
    """What was done. `latencies` and `lags` are in seconds from the moment a request was due: to the last byte of its
    answer, and to the moment it was sent.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)


def get(path: str, check: Check, headers: dict[str, str] | None = None) -> Request:
    """Return a GET."""
    return Request(wire_of("GET", path, headers or {}), check)


def wire_of(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    given = {"Host": "127.0.0.1", **headers}
    if body:
        given |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join(lines).encode() + _END + body


def at_rate(url: str, requests: Iterable[Request], rate: float, connections: int) -> Load:
    """Send each request when it is due, `rate` a second. Raises WrongAnswer, OSError."""
    return _Run(url, connections).run(requests, 1 / rate)


def one_after_another(url: str, requests: Iterable[Request], connections: int) -> Load:
    """Keep `connections` requests on their way until all are answered. Raises WrongAnswer, OSError."""
    return _Run(url, connections).run(requests, 0.0)


class _Connection:
    """One kept-alive connection, with at most one request on it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = bytearray()
        self._head_ends = -1
        self._length = 0
        self.check: Check | None = None
        self.due = 0.0

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def send(self, request: Request, due: float) -> None:
        self.check, self.due = request.check, due
        self._received.clear()
        self._head_ends = -1
        self._socket.sendall(request.wire)

    def receive(self) -> Answer | None:
        """Take what has come; the answer when that was the last of it."""
        part = self._socket.recv(1 << 20)
        if not part:
            raise WrongAnswer("the server closed a connection that was to be kept")
        self._received += part
        if self._head_ends < 0:
            self._head_ends = self._received.find(_END)
            if self._head_ends < 0:
                return None
            self._length = self._body_length()
        if len(self._received) < self._length:
            return None
        return self._answer()

    def _body_length(self) -> int:
        """Where the body ends. Every answer measured here has a length; chunks would be another server."""
        name = b"\r\ncontent-length:"
        head = bytes(self._received[: self._head_ends]).lower()
        at = head.find(name)
        if at < 0:
            raise WrongAnswer(f"an answer without a length: {head.decode('latin-1')}")
        length = int(head[at + len(name) :].split(b"\r\n", 1)[0])
        return self._head_ends + len(_END) + length

    def _answer(self) -> Answer:
        status_line, *lines = bytes(self._received[: self._head_ends]).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return Answer(int(status_line[9:12]), headers, bytes(self._received[self._head_ends + len(_END) :]))


class _Run:
    def __init__(self, url: str, connections: int) -> None:
        parts = urlsplit(url)
        self._address = (str(parts.hostname), int(parts.port or 80))
        self._number = connections
        self._load = Load()

    def run(self, requests: Iterable[Request], interval: float) -> Load:
        with ExitStack() as stack:
            connections = [_Connection(self._address) for _ in range(self._number)]
            for connection in connections:
                stack.callback(connection.close)
            stack.enter_context(_no_collections())
            self._go(iter(requests), interval, deque(connections))
        return self._load

    def _go(self, requests: Iterator[Request], interval: float, free: deque[_Connection]) -> None:
        busy: set[_Connection] = set()
        begun = time.perf_counter()
        due, upcoming = begun, next(requests, None)
        while busy or upcoming is not None:
            now = time.perf_counter()
            while upcoming is not None and free and (not interval or due <= now):
                connection = free.popleft()
                # Without an interval a request is due when there is a connection for it.
                self._send(connection, upcoming, due if interval else now)
                busy.add(connection)
                due, upcoming = due + interval, next(requests, None)
            waits = upcoming is not None and bool(free)
            timeout = max(0.0, due - time.perf_counter()) if waits else TIMEOUT
            ready, _, _ = select.select(busy, [], [], timeout)
            if not ready and not waits:
                raise WrongAnswer(f"no answer in {TIMEOUT:.0f} s")
            for connection in ready:
                if self._take(connection):
                    busy.remove(connection)
                    free.append(connection)
        self._load.seconds = time.perf_counter() - begun

    def _send(self, connection: _Connection, request: Request, due: float) -> None:
        connection.send(request, due)
        self._load.lags.append(time.perf_counter() - due)

    def _take(self, connection: _Connection) -> bool:
        """Whether its answer is complete."""
        answer = connection.receive()
        if answer is None:
            return False
        self._load.latencies.append(time.perf_counter() - connection.due)
        if connection.check is not None:
            connection.check(answer)
        return True


@contextmanager
def _no_collections() -> Iterator[None]:
    """A collection of garbage would be a pause of this process, told as the server's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()

"""The load suite's client for measuring: one wrong answer, and nothing is measured.

So many requests a second whatever the answers take, or one after another. Call from a thread when there is a loop to
keep alive.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from urllib.parse import urlsplit

from cli.load import offering
from cli.load.wire import Request, WrongAnswer


@dataclass(slots=True)
class Load:
    """What was done. `latencies` and `lags` are in seconds from the moment a request was due: to the last byte of its
    answer, and to the moment it was sent, or from when there was a connection for it.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)

    def sent(self, lateness: float) -> None:
        """Note how late it was."""
        self.lags.append(lateness)

    def reopened(self) -> None:
        """Raise WrongAnswer."""
        raise WrongAnswer("the server closed a connection that was to be kept")

    def right(self, request: Request, latency: float) -> None:
        """Note how long it took."""
        self.latencies.append(latency)

    def wrong(self, request: Request, why: str) -> None:
        """Raise WrongAnswer."""
        raise WrongAnswer(why)

    def overdue(self, request: Request, waited: float) -> None:
        """Raise WrongAnswer."""
        raise WrongAnswer(f"no answer in {waited:.0f} s")


def at_rate(url: str, requests: Iterable[Request], rate: float, connections: int) -> Load:
    """Send each request when it is due, `rate` a second. Raises WrongAnswer."""
    return _offered(url, requests, rate, connections)


def one_after_another(url: str, requests: Iterable[Request], connections: int) -> Load:
    """Keep `connections` requests on their way until all are answered. Raises WrongAnswer."""
    return _offered(url, requests, None, connections)


def _offered(url: str, requests: Iterable[Request], rate: float | None, connections: int) -> Load:
    parts = urlsplit(url)
    found = Load()
    with offering.Load((str(parts.hostname), int(parts.port or 80)), connections) as load:
        due = None if rate is None else (number / rate for number in count())
        found.seconds = load.offer(requests, due, found)
    return found

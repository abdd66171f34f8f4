"""The last thousand requests and the last minute, for the figures that want raw durations, or what is new."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from services.metrics.core.names import HTTP_ANSWERS
from services.metrics.core.totals import Vector
from shared.contracts.timings import MAX_RAW

WINDOW_SECONDS: Final = 60


class Recent:
    """Durations in seconds, newest last, and the histogram of requests by the second they were reported in."""

    def __init__(self, durations: Sequence[float] = (), by_second: dict[int, Vector] | None = None) -> None:
        self._durations: deque[float] = deque(durations, maxlen=MAX_RAW)
        self._by_second: dict[int, Vector] = by_second or {}

    def add(self, second: int, answered: Vector) -> None:
        """Note what one batch adds to the histogram of all requests."""
        if not any(answered):
            return
        before = self._by_second.get(second)
        self._by_second[second] = answered if before is None else [a + b for a, b in zip(before, answered, strict=True)]
        for old in [key for key in self._by_second if key <= second - WINDOW_SECONDS]:
            del self._by_second[old]

    def add_durations(self, durations: Sequence[float]) -> None:
        """Note the newest durations."""
        self._durations.extend(durations)

    def durations(self) -> list[float]:
        """Return the raw durations of the last requests, MAX_RAW at most."""
        return list(self._durations)

    def by_second(self) -> dict[int, Vector]:
        """Return the histograms of the seconds that are remembered."""
        return dict(self._by_second)

    def last_minute(self, now: float) -> Vector:
        """Return the histogram of the requests of the last minute."""
        since = now - WINDOW_SECONDS
        minute: Vector = [0] * HTTP_ANSWERS.size
        for second, answered in self._by_second.items():
            if second > since:
                minute = [a + b for a, b in zip(minute, answered, strict=True)]
        return minute

    def rate(self, now: float, uptime: float) -> float:
        """Return requests a second over the last minute, or over the uptime while that is shorter."""
        return sum(self.last_minute(now)[:-1]) / min(max(uptime, 1.0), WINDOW_SECONDS)

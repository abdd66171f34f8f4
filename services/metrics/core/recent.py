"""The last thousand requests and the last minute, for the figures that want raw durations and a rate."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from shared.contracts.timings import MAX_RAW

WINDOW_SECONDS: Final = 60


class Recent:
    """Durations in seconds, newest last, and requests by the second they were reported in."""

    def __init__(self) -> None:
        self._durations: deque[float] = deque(maxlen=MAX_RAW)
        self._by_second: dict[int, float] = {}

    def add(self, second: int, durations: Sequence[float], requests: float) -> None:
        """Note what one batch reported."""
        self._durations.extend(durations)
        if requests:
            self._by_second[second] = self._by_second.get(second, 0) + requests
            for old in [key for key in self._by_second if key <= second - WINDOW_SECONDS]:
                del self._by_second[old]

    def durations(self) -> list[float]:
        """Return the raw durations of the last requests, MAX_RAW at most."""
        return list(self._durations)

    def rate(self, now: float, uptime: float) -> float:
        """Return requests a second over the last minute, or over the uptime while that is shorter."""
        since = now - WINDOW_SECONDS
        requests = sum(count for second, count in self._by_second.items() if second > since)
        return requests / min(max(uptime, 1.0), WINDOW_SECONDS)

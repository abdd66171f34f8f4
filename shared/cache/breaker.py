"""Keeps callers off a server that has just failed, until a probe finds it working again."""

from collections.abc import Callable
from typing import Final

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 2.0


class Breaker:
    """Closed (callers may pass) until a failure; then open until a success is reported.

    While open, a probe is due after a pause, in seconds of `clock`, which doubles with each probe.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._worked = False
        self._probe_at: float | None = None
        self._pause = FIRST_PAUSE

    @property
    def closed(self) -> bool:
        """Whether callers may pass."""
        return self._probe_at is None

    @property
    def working(self) -> bool:
        """Whether the last exchange that counted succeeded; False before the first."""
        return self._worked and self.closed

    def claim_probe(self) -> bool:
        """Return True to the one caller that is to try the server now."""
        if self._probe_at is None or self._clock() < self._probe_at:
            return False
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._probe_at = self._clock() + self._pause
        return True

    def succeeded(self) -> None:
        """Report an exchange that worked."""
        self._worked, self._probe_at, self._pause = True, None, FIRST_PAUSE

    def failed(self) -> None:
        """Report an exchange that did not. While open it changes nothing: the next probe is already set."""
        if self._probe_at is None:
            self._probe_at = self._clock() + self._pause

"""Who may still ask a service for one kind of thing, and who is to come again: a limit that finds itself.

While answers come in good time, BURST may be in flight. Once every answer for INTERVAL has waited (CoDel's sign of a
standing queue: a burst leaves as quickly as it came), the limit is what Little's law gives: what the service does in
the time that one takes alone, half as much again for the next to be there already, and the time on the way. So what is
accepted takes little longer than when nobody else asks, the service is never idle, and who is refused knows at once. No
setting says what a service can do, which nobody knows beforehand.

There is one place more for who has nothing in flight, so that one who asks for much does not shut out the others.

Whether answers wait is judged by the time that the service itself says they took: a busy gateway is no busy service.
"""

import math
from collections import Counter, deque
from statistics import fmean
from typing import NamedTuple

BURST = 128
INTERVAL = 0.25
STANDING = 0.5
"""Seconds that an answer may have waited without a sign of anything; or as long as one takes alone, if that is more.

A tenth of the time that callers wait: forty logins at once, or a hundred clients of a small machine, are served.
"""
ANSWERS = 10
"""Fewer than these in an interval say nothing of all."""
LEAST_WAIT = 0.005
"""Seconds that one may wait under a limit, however short it is alone: the limit of what is quick could not grow."""
CALM = 2.0
"""Seconds without a refusal after which the overload is over."""
ALONE, PROBES = 16, 3
"""By so many at most, and after an overload was noticed so many at least, one learns how long one takes alone."""


class Pass(NamedTuple):
    """One that entered: when, whether nobody else was there, and whose it is."""

    at: float
    alone: bool
    owner: str


class Admission:
    """Counts one kind of request. Times are seconds of a monotonic clock, passed in."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.limit: float = BURST
        self.overloaded = False
        self._refused_at = 0.0
        self._since = 0.0
        self._answers = 0
        self._rate: float | None = None
        self._alone: deque[tuple[float, float]] = deque(maxlen=ALONE)
        self._held: Counter[str] = Counter()

    def enter(self, now: float, owner: str = "") -> Pass | None:
        """Let one in; None refuses it."""
        if self.overloaded and now - self._refused_at > CALM:
            self.overloaded, self.limit, self._answers = False, BURST, 0
        # Not while one at a time is let in, to learn how long one takes alone.
        own_place = self.limit > 1 and owner not in self._held
        if self.in_flight >= self.limit + own_place:
            self._refused_at = now
            return None
        self.in_flight += 1
        self._held[owner] += 1
        return Pass(now, self.in_flight == 1, owner)

    def leave(self, entered: Pass, now: float, took: float | None) -> None:
        """End one that entered. `took` is the time it was in the service: infinite when no answer came, None when that
        says nothing.
        """
        self.in_flight -= 1
        self._held[entered.owner] -= 1
        if not self._held[entered.owner]:
            del self._held[entered.owner]
        if took is None:
            return
        if took != math.inf and (entered.alone or not (self._alone or self.overloaded)):
            self._alone.append((took, now - entered.at))
        if not self.overloaded and took - self._alone_takes()[0] <= max(STANDING, self._alone_takes()[0]):
            self._answers = 0
            return
        if self._answers == 0:
            self._since = now
        self._answers += 1
        if self.overloaded and self._rate is not None:
            if len(self._alone) >= PROBES:
                self._limit(self._rate)
            return
        seconds = now - self._since
        if seconds < max(INTERVAL, 2 * self._alone_takes()[0]) or (self._answers < ANSWERS and not self.overloaded):
            return
        rate = (self._answers - 1) / seconds
        if self.overloaded:
            self._limit(rate)
            return
        # What was learnt on a quiet day, or by a first request, may be wrong: as soon as the queue is gone, a few are
        # let in one by one.
        self.overloaded, self._refused_at, self.limit, self._rate = True, now, 1.0, rate
        self._alone.clear()

    def _limit(self, rate: float) -> None:
        """Let in what a service that does so many a second can hold."""
        takes, there_and_back = self._alone_takes()
        self.limit = min(BURST, max(1.0, rate * (there_and_back + max(takes / 2, LEAST_WAIT))))
        self._rate, self._answers = None, 0

    def _alone_takes(self) -> tuple[float, float]:
        """Return how long one takes alone in the service, and until its answer is here."""
        if not self._alone:
            return 0.0, 0.0
        return fmean(each[0] for each in self._alone), fmean(each[1] for each in self._alone)

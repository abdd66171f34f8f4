"""Counts how requests ended, and how late the load itself was."""

import math
from collections import Counter

from cli.load.histogram import Histogram
from cli.load.wire import Request

REASONS = 20
"""So many different reasons are kept; what fails for further ones is counted under OTHER."""
OTHER = "other reasons"


class Part:
    """The requests of one kind. Latencies in seconds, of right answers and of those that were waited for in vain.

    A wrong answer has no latency: a refusal is fast, and would make the figures better.
    """

    def __init__(self) -> None:
        self.right = 0
        self.wrong = 0
        self.latencies = Histogram()

    @property
    def total(self) -> int:
        """All that have ended."""
        return self.right + self.wrong


class Tally:
    """Listens to a load."""

    def __init__(self) -> None:
        self.parts: dict[str, Part] = {}
        self.failures: Counter[str] = Counter()
        self.lateness = Histogram()
        self.lost_connections = 0

    def sent(self, lateness: float) -> None:
        """Note how late it was."""
        self.lateness.record(lateness)

    def reopened(self) -> None:
        """Count it; the request itself goes on over another connection."""
        self.lost_connections += 1

    def right(self, request: Request, latency: float) -> None:
        """Count a success."""
        part = self._part(request)
        part.right += 1
        part.latencies.record(latency)

    def wrong(self, request: Request, why: str) -> None:
        """Count a failure, by its reason."""
        self._part(request).wrong += 1
        self._note(why)

    def overdue(self, request: Request, waited: float) -> None:
        """Count a failure that has lasted at least so long."""
        part = self._part(request)
        part.wrong += 1
        part.latencies.record(waited)
        self._note(f"no answer in {math.floor(10 * waited) / 10:g} s")

    def whole(self) -> Part:
        """Return all kinds as one."""
        found = Part()
        for part in self.parts.values():
            found.right += part.right
            found.wrong += part.wrong
            found.latencies.add(part.latencies)
        return found

    def _part(self, request: Request) -> Part:
        part = self.parts.get(request.kind)
        if part is None:
            part = self.parts[request.kind] = Part()
        return part

    def _note(self, why: str) -> None:
        known = why in self.failures or len(self.failures) < REASONS
        self.failures[why if known else OTHER] += 1

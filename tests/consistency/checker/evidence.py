"""What the checker is given, and what follows from it about each key: what was certainly there at a time."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from tests.consistency.checker.history import History, Read, Write


@dataclass
class Evidence:
    """A history, and how much of the protocol's promise holds for it.

    `is_strict`: no write commits without an answer of the cache, so that reads are linearizable. `lease` is for how
    many seconds a gateway may believe what it holds itself.
    """

    history: History
    is_strict: bool = True
    lease: float = 0.25

    @cached_property
    def reads(self) -> list[Read]:
        """The reads that were answered."""
        return [each for each in self.history.reads if each.answered]

    @cached_property
    def by_mark(self) -> dict[str, Write]:
        """The write that each name is of; no two writes give the same."""
        return {each.mark: each for each in self.history.writes}

    @cached_property
    def acknowledged(self) -> "Known":
        """What writes had reached, from when they were acknowledged."""
        return Known((each.end, each.key, each.revision) for each in self.history.writes if each.revision is not None)

    @cached_property
    def seen(self) -> "Known":
        """The same, and what reads had returned."""
        writes = ((each.end, each.key, each.revision) for each in self.history.writes if each.revision is not None)
        reads = ((each.end, key, found[0]) for each in self.reads for key, found in each.found.items())
        return Known([*writes, *reads])

    @cached_property
    def invalidated(self) -> "Known":
        """What invalidations had reached, from when they were acknowledged."""
        return Known((each.time, each.key, each.revision) for each in self.history.applied)


class Known:
    """For each key the highest revision that was known by any time."""

    def __init__(self, facts: Iterable[tuple[float, str, int]]) -> None:
        by_key: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
        for time, key, revision in facts:
            by_key[key].append((time, revision))
        self._times: dict[str, list[float]] = {}
        self._highest: dict[str, list[int]] = {}
        for key, pairs in by_key.items():
            pairs.sort()
            highest, so_far = [], 0
            for _, revision in pairs:
                so_far = max(so_far, revision)
                highest.append(so_far)
            self._times[key], self._highest[key] = [time for time, _ in pairs], highest

    def before(self, key: str, time: float) -> int:
        """The highest revision that was known before a time; 0 when none was."""
        found = bisect_left(self._times.get(key, []), time)
        return self._highest[key][found - 1] if found else 0

    def since(self, key: str, revision: int) -> float:
        """The time from which more than a revision was known; infinity when never."""
        highest = self._highest.get(key, [])
        found = bisect_right(highest, revision)
        return self._times[key][found] if found < len(highest) else float("inf")

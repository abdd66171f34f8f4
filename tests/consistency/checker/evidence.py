"""What the checker is given, and what follows from it about each key: what was certainly there at a time."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cached_property

from tests.consistency.checker.history import ABSENT, GONE, THERE, History, Read, Write, kind_of, origin

EVERYBODY = "user"
"""The kind whose list has those of all owners."""


@dataclass
class Evidence:
    """A history, and how much of the protocol's promise holds for it.

    `lax` are the kinds whose writes may commit without an answer of the cache; reads of all others are linearizable.
    `lease` is for how many seconds a gateway may believe what it holds itself.
    """

    history: History
    lax: Set[str] = frozenset()
    lease: float = 0.25

    @cached_property
    def reads(self) -> list[Read]:
        """The reads that were answered."""
        return [each for each in self.history.reads if each.answered]

    @cached_property
    def by_mark(self) -> dict[str, list[Write]]:
        """The writes that a mark may be of; most are of one alone."""
        found: defaultdict[str, list[Write]] = defaultdict(list)
        for write in self.history.writes:
            found[origin(write.mark)].append(write)
        return dict(found)

    @cached_property
    def owner_of(self) -> dict[str, str]:
        """Whose each key is, as who wrote it or the database says; else as the mark says that it was shown with."""
        owners = {each.key: each.owner for each in self.history.writes if each.key}
        owners |= {each.key: each.owner for each in self.history.rows}
        for key, (_, mark) in (item for read in self.reads for item in read.found.items()):
            if key not in owners and origin(mark) in self.by_mark:
                owners[key] = self.by_mark[origin(mark)][0].owner
        return owners

    @cached_property
    def deleting(self) -> dict[str, float]:
        """From when on each key may have been deleted."""
        since: dict[str, float] = {}
        for write in self.history.writes:
            if write.deletes and write.may_be_done:
                since[write.key] = min(write.begin, since.get(write.key, write.begin))
        return since

    @cached_property
    def made(self) -> dict[str, float]:
        """From when on each key was known to be there."""
        since: dict[str, float] = {}
        written = ((each.key, each.end) for each in self.history.writes if each.revision is not None)
        shown = ((key, read.end) for read in self.reads for key in read.found)
        for key, time in (*written, *shown):
            since[key] = min(time, since.get(key, time))
        return since

    @cached_property
    def acknowledged(self) -> "Known":
        """What writes had reached, from when they were acknowledged."""
        return Known((each.end, each.key, each.revision) for each in self.history.writes if each.revision is not None)

    @cached_property
    def seen(self) -> "Known":
        """The same, and what reads had returned."""
        writes = ((each.end, each.key, each.revision) for each in self.history.writes if each.revision is not None)
        return Known([*writes, *self._returned()])

    @cached_property
    def invalidated(self) -> "Known":
        """What invalidations had reached, from when they were acknowledged."""
        return Known((each.time, each.key, each.revision) for each in self.history.applied)

    def believed(self, read: Read) -> float:
        """The moment that an answer must not be older than, where writes wait for the cache."""
        return read.begin - (self.lease if read.source == "l1" else 0.0)

    def shown(self, read: Read, key: str) -> int:
        """The revision that an answer shows of a key; of one that it does not show, why it may be missing."""
        if key in read.found:
            return read.found[key][0]
        return GONE if self.deleting.get(key, read.end) < read.end else ABSENT

    def members(self, read: Read) -> Set[str]:
        """The keys that an answer is about: asked for, shown, and for a whole list those that may be in it."""
        if not read.whole:
            return {*read.keys, *read.found}
        owner = "" if read.whole == EVERYBODY else read.owner
        lives = self._lives.get((read.whole, owner), {})
        seconds = range(int(read.begin) - 1, int(read.end) + 1)
        return {key for second in seconds for key in lives.get(second, ())} | read.found.keys()

    @cached_property
    def _lives(self) -> dict[tuple[str, str], dict[int, list[str]]]:
        """By kind and owner, and by the second, the keys that were there then: a list need not be held against all."""
        end = max((each.end for each in self.history.reads), default=0.0)
        gone: dict[str, float] = {}
        for write in self.history.writes:
            if write.deletes and write.revision is not None:
                gone[write.key] = min(write.end, gone.get(write.key, write.end))
        lives: defaultdict[tuple[str, str], defaultdict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        for key, begin in self.made.items():
            kind = kind_of(key)
            place = lives[kind, "" if kind == EVERYBODY else self.owner_of.get(key, "")]
            for second in range(int(begin), int(gone.get(key, end)) + 1):
                place[second].append(key)
        return {place: dict(seconds) for place, seconds in lives.items()}

    def _returned(self) -> Iterator[tuple[float, str, int]]:
        for read in self.reads:
            for key, (revision, _) in read.found.items():
                if revision != THERE:
                    yield read.end, key, revision
            for key in read.keys:
                if key not in read.found and self.shown(read, key) == GONE:
                    yield read.end, key, GONE


def said(revision: int) -> str:
    """What a revision says, in words."""
    return {ABSENT: "nothing", GONE: "that it is deleted", THERE: "it"}.get(revision, f"revision {revision}")


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

"""What the caches are asked about, when, and what is thought of their answers.

Each object that an event names is looked at at once and a second later, as many of them as the rate allows. What is
older than the version that was read from the database before is a finding, which is looked at again until it ends. Only
that order counts, no clock is compared with another. Pure: time comes with each call, in seconds of one clock.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

PER_SECOND: Final = 20.0
AFTER_CHANGE: Final = (0.0, 1.0)
"""Seconds after a change at which its objects are looked at."""

WINDOWS: Final[Mapping[float, str]] = {0.0: "0s", 1.0: "1s", 10.0: "10s", 60.0: "60s"}
"""Ages of a finding at which it is looked at, and counted if it is still there, with their labels."""
LASTING: Final = 10.0
"""From this age on somebody must know, and the caches are told once more."""
MOST_FOLLOWED: Final = 100
AGAIN_SECONDS: Final = 1.0
"""After so long it is tried again to look at what could not be looked at."""

Place = tuple[str, str, str]
"""Layer, process (none for the second level) and object."""
Shown = Mapping[str, Mapping[str, int]]
"""By process the lowest version that it would serve of each object; what it serves nothing of is left out."""


class Finding:
    """Something served that was older than `version`, which had been read from the database before, at `since`.

    `seen` are the ages at which it was looked at with the versions that were served then; `trace` is the traceparent of
    the request that made the change, if there is one.
    """

    __slots__ = ("counted", "due", "place", "seen", "since", "trace", "version")

    def __init__(self, place: Place, version: int, since: float, trace: str) -> None:
        self.place = place
        self.version = version
        self.since = since
        self.trace = trace
        self.seen: list[tuple[float, int]] = []
        self.counted = -1.0
        self.due = since

    @property
    def layer(self) -> str:
        """Which level of the cache."""
        return self.place[0]

    @property
    def obj(self) -> str:
        """What was served too old."""
        return self.place[2]

    @property
    def stale_seconds(self) -> float:
        """How long, at least, after the version was read less was still served."""
        return self.seen[-1][0]


class Due(NamedTuple):
    """What is to be looked at now: objects, with the trace of the last change of each, and findings once more."""

    objects: dict[str, str]
    again: list[Finding]


class Judged(NamedTuple):
    """What came of one look at one layer.

    `compared` answers were compared; `counted` are findings with the window they count in; `ended` are no more to be
    followed, `lasting` are those that somebody must know of. `unanswered` findings could not be looked at.
    """

    compared: int
    counted: list[tuple[Finding, str]]
    ended: list[Finding]
    lasting: list[Finding]
    unanswered: int


class CacheChecks:
    """Holds what is to be looked at: changes for two seconds' looks, and findings, both in limited number."""

    def __init__(self, per_second: float = PER_SECOND) -> None:
        self._per_second = per_second
        self._allowed = per_second
        self._allowed_at: float | None = None
        # Each holds the objects in the order in which they come due: those of a queue all wait equally long.
        self._waiting: dict[float, OrderedDict[str, tuple[float, str]]] = {
            delay: OrderedDict() for delay in AFTER_CHANGE
        }
        self._findings: dict[Place, Finding] = {}

    def changed(self, objects: Iterable[str], trace: str, now: float) -> None:
        """An event names these objects. One that waits already, or for which there is no room, changes nothing."""
        for obj in objects:
            for delay, queue in self._waiting.items():
                if obj not in queue and len(queue) < 2 * self._per_second:
                    queue[obj] = (now + delay, trace)

    def pause(self, now: float) -> float | None:
        """Return the seconds until there is something to look at; None while nothing waits."""
        dues = [finding.due for finding in self._findings.values()]
        dues += [next(iter(queue.values()))[0] for queue in self._waiting.values() if queue]
        if not dues:
            return None
        self._allow(now)
        return max(0.0, min(dues) - now, (1.0 - self._allowed) / self._per_second)

    def take(self, now: float) -> Due:
        """Return what is due, findings first, and no more than the rate allows."""
        self._allow(now)
        again = sorted((each for each in self._findings.values() if each.due <= now), key=lambda each: each.due)
        again = again[: int(self._allowed)]
        self._allowed -= len(again)
        for finding in again:  # whatever comes of this look, the next is not before then
            finding.due = now + AGAIN_SECONDS
        objects: dict[str, str] = {}
        while self._allowed >= 1 and (found := self._next(now)) is not None:
            objects.setdefault(*found)
            self._allowed -= 1
        return Due(objects, again)

    def judge(
        self, layer: str, due: Due, versions: Mapping[str, int], shown: Shown, read_at: float, asked_at: float
    ) -> Judged:
        """Judge what a layer was asked for at `asked_at`, after `versions` had been read from the database."""
        judged = Judged(0, [], [], [], 0)
        compared = 0
        for process, lowest in shown.items():
            for obj, version in versions.items():
                if obj not in lowest:
                    continue
                compared += 1
                place = (layer, process, obj)
                if lowest[obj] < version and place not in self._findings:
                    finding = Finding(place, version, read_at, due.objects.get(obj, ""))
                    self._see(finding, lowest[obj], asked_at, judged)
        unanswered = 0
        for finding in due.again:
            if finding.layer != layer:
                continue
            if finding.place[1] not in shown:
                unanswered += 1
                if asked_at - finding.since > 2 * max(WINDOWS):
                    self._end(finding, judged)
                continue
            compared += finding.obj in shown[finding.place[1]]
            served = shown[finding.place[1]].get(finding.obj)
            if served is None or served >= finding.version:
                self._end(finding, judged)
            else:
                self._see(finding, served, asked_at, judged)
        return judged._replace(compared=compared, unanswered=unanswered)

    def _see(self, finding: Finding, served: int, now: float, judged: Judged) -> None:
        """Note that it is still there, and when to look again."""
        age = now - finding.since
        finding.seen.append((age, served))
        window = max(start for start in WINDOWS if start <= age)
        if window > finding.counted:
            finding.counted = window
            judged.counted.append((finding, WINDOWS[window]))
            if window >= LASTING:
                judged.lasting.append(finding)
        later = [finding.since + start for start in WINDOWS if start > age]
        if not later or (len(self._findings) >= MOST_FOLLOWED and finding.place not in self._findings):
            self._end(finding, judged)
        else:
            finding.due = later[0]
            self._findings[finding.place] = finding

    def _end(self, finding: Finding, judged: Judged) -> None:
        self._findings.pop(finding.place, None)
        judged.ended.append(finding)

    def _next(self, now: float) -> tuple[str, str] | None:
        """Take the object that has been due for longest."""
        queue = min((queue for queue in self._waiting.values() if queue), key=_first_due, default=None)
        if queue is None or _first_due(queue) > now:
            return None
        obj, (_, trace) = queue.popitem(last=False)
        return obj, trace

    def _allow(self, now: float) -> None:
        if self._allowed_at is not None:
            earned = (now - self._allowed_at) * self._per_second
            self._allowed = min(self._per_second, self._allowed + max(0.0, earned))
        self._allowed_at = now


def _first_due(queue: OrderedDict[str, tuple[float, str]]) -> float:
    return next(iter(queue.values()))[0]

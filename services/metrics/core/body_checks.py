"""Answers compared for themselves: to one question, at one version, whoever gives it, there is one.

The same version with another value is invisible to who compares versions. Which answer is wrong is not to be seen of
two; the database is believed, and after it the second level, of which the first has its own. Pure: time comes with each
call, in seconds of one clock.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final, NamedTuple

from services.metrics.core.cache_checks import WINDOWS

DATABASE: Final = "database"
L2: Final = "l2"
MOST_WAITING: Final = 100


class Seen(NamedTuple):
    """An answer as it was seen: by whom it is given (a layer, of a process if there are many), to what, and which."""

    layer: str
    process: str
    variant: str
    version: int
    digest: str


class Compared(NamedTuple):
    """How many answers of each layer were compared, and those that differ, each with the one that is believed."""

    number: Counter[str]
    differing: list[tuple[Seen, Seen]]


def compare(seen: Iterable[Seen]) -> Compared:
    """Compare those that are of one variant and one version; where there is but one there is nothing to compare."""
    alike: dict[tuple[str, int], list[Seen]] = {}
    for each in seen:
        alike.setdefault((each.variant, each.version), []).append(each)
    compared = Compared(Counter(), [])
    for group in alike.values():
        believed, *others = sorted(group, key=_trust)
        compared.number.update(each.layer for each in others)
        compared.differing.extend((each, believed) for each in others if each.digest != believed.digest)
    return compared


def _trust(each: Seen) -> int:
    return {DATABASE: 0, L2: 1}.get(each.layer, 2)


class BodyCheck(NamedTuple):
    """An object to compare the answers about, with the trace of its last change; `since` it was found wrong, if so."""

    obj: str
    trace: str
    due: float
    since: float | None = None


class BodyChecks:
    """What is to be compared, MOST_WAITING objects at most; what was found wrong is looked at until it is not."""

    def __init__(self) -> None:
        self._waiting: dict[str, BodyCheck] = {}

    def wish(self, obj: str, trace: str, now: float) -> None:
        """Have the answers about an object compared; one that waits already, or for which there is no room, is not."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.setdefault(obj, BodyCheck(obj, trace, now))

    def pause(self, now: float) -> float | None:
        """Return the seconds until there is something to compare; None while nothing waits."""
        return min((max(0.0, check.due - now) for check in self._waiting.values()), default=None)

    def take(self, now: float) -> BodyCheck | None:
        """Take what has been due for longest."""
        check = min(self._waiting.values(), key=lambda each: each.due, default=None)
        if check is None or check.due > now:
            return None
        return self._waiting.pop(check.obj)

    def found(self, check: BodyCheck, now: float) -> str:
        """Note that something is wrong with it, and return the window of its age; it is looked at again in the next."""
        since = now if check.since is None else check.since
        later = [since + start for start in WINDOWS if start > now - since]
        if later:
            self._waiting[check.obj] = check._replace(due=later[0], since=since)
        return WINDOWS[max(start for start in WINDOWS if start <= now - since)]

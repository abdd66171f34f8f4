"""An answer about several keys is of one moment: what came later is never beside what was replaced before."""

from collections.abc import Iterator

from tests.consistency.checker.evidence import Evidence, said
from tests.consistency.checker.history import ABSENT, GONE, Read, kind_of
from tests.faults.checker.violation import Violation

MIXED = "an answer shows what was never there at one moment"


def check_moments(evidence: Evidence) -> Iterator[Violation]:
    """Look for an answer with a key as it was made to be only after another was no more as it is shown."""
    begins = {(each.key, each.revision): each.begin for each in evidence.history.writes if each.revision is not None}
    for read in evidence.reads:
        keys = evidence.members(read)
        if len(keys) < 2:
            continue
        latest, newer = max((_since(evidence, begins, read, key), key) for key in keys)
        earliest, older = min((_until(evidence, read, key), key) for key in keys)
        if earliest < latest:
            detail = f"{newer} with {said(evidence.shown(read, newer))} and {older} with "
            yield Violation(MIXED, older, detail + said(evidence.shown(read, older)), [read.lines()])


def _since(evidence: Evidence, begins: dict[tuple[str, int], float], read: Read, key: str) -> float:
    """The moment before which a key cannot have been as it is shown."""
    revision = evidence.shown(read, key)
    if revision != GONE:
        return begins.get((key, revision), float("-inf"))
    # An answer that may be older than the key can be missing it for that.
    may_precede = kind_of(key) in evidence.lax or evidence.made[key] >= evidence.believed(read)
    return float("-inf") if may_precede else evidence.deleting[key]


def _until(evidence: Evidence, read: Read, key: str) -> float:
    """The moment at which a key certainly was no more as it is shown."""
    revision = evidence.shown(read, key)
    if revision == ABSENT:
        return evidence.made.get(key, float("inf"))
    return evidence.seen.since(key, revision)

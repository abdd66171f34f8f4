"""Each key is a register whose values are totally ordered by their revisions, and a deletion is above them all.

It is linearizable if no operation of a lower revision begins after one of a higher has ended, no value is returned
before it was written, and no revision has two values. What a gateway holds itself may be older, by its lease at most.
Where writes may commit without an answer of the cache, older values are allowed until the event arrives.
"""

from collections.abc import Iterator

from tests.consistency.checker.evidence import Evidence, said
from tests.consistency.checker.history import THERE, kind_of, origin
from tests.faults.checker.violation import Violation

OLDER = "a read is older than what was acknowledged or read before it began"
OLDER_THAN_LEASE = "a gateway serves from its own cache what is older than its lease allows"
TOO_EARLY = "a read shows what had not been asked for when it ended"
TWO_VALUES = "one revision has two values"
NOT_ABOVE = "a write was given a revision that was known before it began"


def check_registers(evidence: Evidence) -> Iterator[Violation]:
    """Compare each operation with those that had ended when it began."""
    yield from _check_writes(evidence)
    yield from _check_values(evidence)
    yield from _check_reads(evidence)


def _check_reads(evidence: Evidence) -> Iterator[Violation]:
    for read in evidence.reads:
        by, rule = evidence.believed(read), OLDER_THAN_LEASE if read.source == "l1" else OLDER
        for key in evidence.members(read):
            due, revision = evidence.seen.before(key, by), evidence.shown(read, key)
            if revision < due and kind_of(key) not in evidence.lax:
                yield Violation(rule, key, f"shows {said(revision)}; {said(due)} is due", [read.lines()])


def _check_writes(evidence: Evidence) -> Iterator[Violation]:
    for write in evidence.history.writes:
        known = evidence.seen.before(write.key, write.begin)
        if write.revision is not None and write.revision <= known and not write.deletes:
            yield Violation(NOT_ABOVE, write.key, f"{said(write.revision)}; {said(known)} was known", [write.lines()])


def _check_values(evidence: Evidence) -> Iterator[Violation]:
    values = {(each.key, each.revision): each.mark for each in evidence.history.writes if each.revision is not None}
    for read in evidence.reads:
        for key, (revision, mark) in read.found.items():
            known = mark if revision == THERE else values.setdefault((key, revision), mark)
            if known != mark:
                yield Violation(TWO_VALUES, key, f"revision {revision} is {known}, and {mark}", [read.lines()])
            writes = [each for each in evidence.by_mark.get(origin(mark), ()) if mark and each.key in {"", key}]
            if writes and read.end < min(each.begin for each in writes):
                lines = [read.lines(), writes[0].lines()]
                yield Violation(TOO_EARLY, key, f"revision {revision}, {mark}", lines)

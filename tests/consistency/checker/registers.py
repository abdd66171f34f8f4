"""Each strategy is a register whose values are totally ordered by their revisions.

It is linearizable if no operation of a lower revision begins after one of a higher has ended, no value is returned
before it was written, and no revision has two values. What a gateway holds itself may be older, by its lease at most.
Where writes may commit without an answer of the cache, older values are allowed until the event arrives.
"""

from collections.abc import Iterator

from tests.consistency.checker.evidence import Evidence
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
    if evidence.is_strict:
        yield from _check_reads(evidence)


def _check_reads(evidence: Evidence) -> Iterator[Violation]:
    for read in evidence.reads:
        is_own = read.source == "l1"
        by = read.begin - (evidence.lease if is_own else 0.0)
        for key in read.owned:
            due, revision = evidence.seen.before(key, by), read.revision(key)
            if revision < due:
                detail = f"revision {revision}; {due} is due"
                yield Violation(OLDER_THAN_LEASE if is_own else OLDER, key, detail, [read.lines()])


def _check_writes(evidence: Evidence) -> Iterator[Violation]:
    for write in evidence.history.writes:
        known = evidence.seen.before(write.key, write.begin)
        if write.revision is not None and write.revision <= known:
            detail = f"revision {write.revision}; {known} was known"
            yield Violation(NOT_ABOVE, write.key, detail, [write.lines()])


def _check_values(evidence: Evidence) -> Iterator[Violation]:
    values = {(each.key, each.revision): each.mark for each in evidence.history.writes if each.revision is not None}
    for read in evidence.reads:
        for key, (revision, mark) in read.found.items():
            known = values.setdefault((key, revision), mark)
            if known != mark:
                yield Violation(TWO_VALUES, key, f"revision {revision} is {known}, and {mark}", [read.lines()])
            write = evidence.by_mark.get(mark)
            if write is not None and read.end < write.begin:
                yield Violation(TOO_EARLY, key, f"revision {revision} named {mark}", [read.lines(), write.lines()])

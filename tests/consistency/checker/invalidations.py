"""When the invalidator has acknowledged an event, nothing older than it is served any more.

A gateway may not have heard of it yet for as long as its lease lasts, if its feed has been cut.
"""

from collections.abc import Iterator

from tests.consistency.checker.evidence import Evidence, said
from tests.faults.checker.violation import Violation

OLDER_THAN_INVALIDATION = "a read is older than an invalidation that was acknowledged before it began"
NOT_THE_VERSION = "a revision is not the version of its object, by which this checker tells what was applied"


def check_invalidations(evidence: Evidence) -> Iterator[Violation]:
    """Compare each answer with the events that had been acknowledged when it was asked for."""
    for row in evidence.history.rows:
        if row.revision != row.version:
            yield Violation(NOT_THE_VERSION, row.key, f"revision {row.revision}, version {row.version}", [])
    for read in evidence.reads:
        by = evidence.believed(read)
        for key in evidence.members(read):
            due, revision = evidence.invalidated.before(key, by), evidence.shown(read, key)
            if revision < due:
                detail = f"shows {said(revision)}; {said(due)} is due"
                yield Violation(OLDER_THAN_INVALIDATION, key, detail, [read.lines()])

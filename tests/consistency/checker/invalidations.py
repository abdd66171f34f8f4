"""When the invalidator has acknowledged an event, nothing older than it is served any more.

A gateway may not have heard of it yet for as long as its lease lasts, if its feed has been cut.
"""

from collections.abc import Iterator

from tests.consistency.checker.evidence import Evidence
from tests.faults.checker.violation import Violation

OLDER_THAN_INVALIDATION = "a read is older than an invalidation that was acknowledged before it began"
NOT_THE_VERSION = "a strategy's revision is not the version of its object, by which this checker tells what was applied"


def check_invalidations(evidence: Evidence) -> Iterator[Violation]:
    """Compare each answer with the events that had been acknowledged when it was asked for."""
    for row in evidence.history.rows:
        if row.revision != row.version:
            yield Violation(NOT_THE_VERSION, row.key, f"revision {row.revision}, version {row.version}", [])
    for read in evidence.reads:
        by = read.begin - (evidence.lease if read.source == "l1" else 0.0)
        for key in read.owned:
            due, revision = evidence.invalidated.before(key, by), read.revision(key)
            if revision < due:
                yield Violation(OLDER_THAN_INVALIDATION, key, f"revision {revision}; {due} is due", [read.lines()])

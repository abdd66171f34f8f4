"""The checker: from the clients' journal, the database and the consumer's log it says which promises were not kept.

It shares no code with the services: what it believes it has from the documents, not from what it checks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.checker.answers import FaultRun, check_answers, check_health
from tests.faults.checker.deliveries import Delivery
from tests.faults.checker.events import check_events
from tests.faults.checker.history import Operation
from tests.faults.checker.jobs import check_jobs
from tests.faults.checker.reads import check_reads
from tests.faults.checker.snapshot import Snapshot
from tests.faults.checker.violation import Violation
from tests.faults.checker.writes import check_writes


@dataclass(slots=True)
class Evidence:
    """All that is known of a run. Times are seconds on one clock; the load ran from `began`."""

    operations: Sequence[Operation]
    deliveries: Sequence[Delivery]
    snapshot: Snapshot
    faults: Sequence[FaultRun] = field(default_factory=list)
    began: float = 0.0
    progressing: bool = False


def check(evidence: Evidence) -> list[Violation]:
    """Every promise that was not kept."""
    return [
        *check_writes(evidence.operations, evidence.snapshot),
        *check_reads(evidence.operations, evidence.snapshot),
        *check_events(evidence.deliveries, evidence.snapshot),
        *check_jobs(evidence.snapshot, progressing=evidence.progressing),
        *check_answers(evidence.operations),
        *check_health(evidence.operations, evidence.faults, evidence.began),
    ]

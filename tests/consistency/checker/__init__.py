"""Holds what clients saw against the history of what was written. It shares no code with what it checks."""

from tests.consistency.checker.evidence import Evidence
from tests.consistency.checker.invalidations import check_invalidations
from tests.consistency.checker.owners import check_owners
from tests.consistency.checker.registers import check_registers
from tests.consistency.checker.rest import check_rest
from tests.consistency.checker.tokens import check_tokens
from tests.faults.checker.violation import Violation


def check(evidence: Evidence) -> list[Violation]:
    """Return every promise that was not kept, by the time of the read or write that shows it."""
    return [
        *check_owners(evidence),
        *check_tokens(evidence),
        *check_invalidations(evidence),
        *check_registers(evidence),
        *check_rest(evidence),
    ]

"""Holds what clients saw against the history of what was written. It shares no code with what it checks."""

from tests.consistency.checker.evidence import Evidence
from tests.consistency.checker.invalidations import OLDER_THAN_INVALIDATION, check_invalidations
from tests.consistency.checker.moments import check_moments
from tests.consistency.checker.owners import FOREIGN, check_owners
from tests.consistency.checker.registers import OLDER, OLDER_THAN_LEASE, check_registers
from tests.consistency.checker.rest import check_rest
from tests.consistency.checker.rights import check_rights
from tests.consistency.checker.tokens import OLDER_THAN_TOKEN, check_tokens
from tests.faults.checker.violation import Violation

STALE = frozenset({OLDER, OLDER_THAN_LEASE, OLDER_THAN_TOKEN, OLDER_THAN_INVALIDATION})
"""The rules that something old breaks."""


def check(evidence: Evidence) -> list[Violation]:
    """Return every promise that was not kept, by the time of the read or write that shows it."""
    return [
        *check_owners(evidence),
        *check_tokens(evidence),
        *check_invalidations(evidence),
        *check_registers(evidence),
        *check_moments(evidence),
        *check_rights(evidence),
        *check_rest(evidence),
    ]


def shown_wrongly(evidence: Evidence) -> list[Violation]:
    """Return the reads that were old, or another's; for a history that still goes on, to which writes are added."""
    checks = (check_owners(evidence), check_tokens(evidence), check_invalidations(evidence), check_registers(evidence))
    return [each for found in checks for each in found if each.rule in STALE or each.rule == FOREIGN]

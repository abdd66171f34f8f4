"""A read with a token shows at least what the token covers, whatever is broken, through whichever gateway."""

from collections.abc import Iterator

from tests.consistency.checker.evidence import Evidence, said
from tests.faults.checker.violation import Violation

OLDER_THAN_TOKEN = "a read with a token is older than the token"


def check_tokens(evidence: Evidence) -> Iterator[Violation]:
    """Compare each answer with what was acknowledged in the token that was sent with its request."""
    for read in evidence.reads:
        for key, due in read.due.items():
            revision = evidence.shown(read, key)
            if revision < due:
                yield Violation(OLDER_THAN_TOKEN, key, f"shows {said(revision)}; {said(due)} is due", [read.lines()])

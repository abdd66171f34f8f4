"""When all is quiet: nothing acknowledged is lost, and nobody is shown anything but what the database holds."""

from collections.abc import Iterator

from tests.consistency.checker.evidence import Evidence
from tests.faults.checker.violation import Violation

LOST = "an acknowledged write is not in the database"
STILL_OLD = "a read differs from the database although all is quiet"
FINAL = "final"
"""What the operations begin with that are made when all is quiet."""


def check_rest(evidence: Evidence) -> Iterator[Violation]:
    """Compare the rows with the writes, and the last reads with the rows."""
    rows = {row.key: row for row in evidence.history.rows}
    for write in evidence.history.writes:
        row = rows.get(write.key)
        is_lost = row is None or (write.revision is not None and row.revision < write.revision)
        if rows and is_lost:
            detail = f"revision {write.revision} was acknowledged; there is {row and row.revision}"
            yield Violation(LOST, write.key, detail, [write.lines()])
    for read in evidence.reads:
        if not read.op.startswith(FINAL):
            continue
        for key in read.owned:
            row, shown = rows.get(key), read.found.get(key)
            if row is not None and shown != (row.revision, row.mark):
                yield Violation(STILL_OLD, key, f"{shown}; the database has {row.revision} {row.mark}", [read.lines()])

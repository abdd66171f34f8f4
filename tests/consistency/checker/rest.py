"""When all is quiet: nothing acknowledged is lost, and nobody is shown anything but what the database holds."""

from collections.abc import Iterator, Mapping

from tests.consistency.checker.evidence import Evidence, said
from tests.consistency.checker.history import Row, kind_of
from tests.faults.checker.violation import Violation

LOST = "an acknowledged write is not in the database"
STILL_OLD = "a read differs from the database although all is quiet"
FINAL = "final"
"""What the operations begin with that are made when all is quiet."""


def check_rest(evidence: Evidence) -> Iterator[Violation]:
    """Compare the rows with the writes, and the last reads with the rows. Without rows nothing was looked at."""
    rows = {row.key: row for row in evidence.history.rows}
    if rows:
        yield from _check_writes(evidence, rows)
        yield from _check_reads(evidence, rows)


def _check_writes(evidence: Evidence, rows: Mapping[str, Row]) -> Iterator[Violation]:
    kinds = {kind_of(key) for key in rows}
    for write in evidence.history.writes:
        if write.revision is None or kind_of(write.key) not in kinds:
            continue
        row = rows.get(write.key)
        if write.deletes:
            is_lost = row is not None
        else:
            is_lost = row.revision < write.revision if row else write.key not in evidence.deleting
        if is_lost:
            detail = f"{said(write.revision)} was acknowledged; there is {row and row.revision}"
            yield Violation(LOST, write.key, detail, [write.lines()])


def _check_reads(evidence: Evidence, rows: Mapping[str, Row]) -> Iterator[Violation]:
    for read in evidence.reads:
        if not read.op.startswith(FINAL):
            continue
        for key in evidence.members(read):
            row, shown = rows.get(key), read.found.get(key)
            if shown != (None if row is None else (row.revision, row.mark)):
                detail = f"{shown}; the database has {row and (row.revision, row.mark)}"
                yield Violation(STILL_OLD, key, detail, [read.lines()])

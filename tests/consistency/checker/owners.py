"""Nobody is ever shown what is another's."""

from collections.abc import Iterator

from tests.consistency.checker.evidence import Evidence
from tests.faults.checker.violation import Violation

FOREIGN = "an answer shows what is another owner's"
NOBODYS = "an answer shows what was never written"


def check_owners(evidence: Evidence) -> Iterator[Violation]:
    """Look at each key and each name that an answer showed."""
    owner_of = {row.key: row.owner for row in evidence.history.rows}
    for read in evidence.reads:
        for key, (revision, mark) in read.found.items():
            write = evidence.by_mark.get(mark)
            if owner_of.get(key, read.owner) != read.owner or (write is not None and write.owner != read.owner):
                yield Violation(FOREIGN, key, f"revision {revision} named {mark}", [read.lines()])
            elif write is None or write.key != key:
                yield Violation(NOBODYS, key, f"revision {revision} is named {mark}", [read.lines()])

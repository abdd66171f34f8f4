"""Nobody is ever shown what is another's, but for administrators, who are shown everybody's account."""

from collections.abc import Iterator

from tests.consistency.checker.evidence import EVERYBODY, Evidence, said
from tests.consistency.checker.history import Read, origin
from tests.faults.checker.violation import Violation

FOREIGN = "an answer shows what is another owner's"
NOBODYS = "an answer shows what was never written"


def check_owners(evidence: Evidence) -> Iterator[Violation]:
    """Look at each key and each mark that an answer showed; to say that something is there shows no mark."""
    for read in evidence.reads:
        for key, (revision, mark) in read.found.items():
            detail = f"{said(revision)}, {mark}"
            if _is_foreign(evidence, read, key, mark):
                yield Violation(FOREIGN, key, detail, [read.lines()])
            elif mark and not any(each.key in {"", key} for each in evidence.by_mark.get(origin(mark), ())):
                yield Violation(NOBODYS, key, detail, [read.lines()])


def _is_foreign(evidence: Evidence, read: Read, key: str, mark: str) -> bool:
    if read.whole == EVERYBODY:
        return False
    writes = evidence.by_mark.get(origin(mark), ()) if mark else ()
    of_others = bool(writes) and all(each.owner != read.owner for each in writes)
    return of_others or evidence.owner_of.get(key, read.owner) != read.owner

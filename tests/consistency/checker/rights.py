"""What somebody may do is decided on the account as it is: its role, and whether it is open.

The mark of an account is its name, its role and whether it is `active` or `closed`.
"""

from collections import defaultdict
from collections.abc import Iterator

from tests.consistency.checker.evidence import EVERYBODY, Evidence
from tests.consistency.checker.history import Read, Write, kind_of
from tests.faults.checker.violation import Violation

LET_IN = "somebody is let in who may not be"
KEPT_OUT = "somebody is kept out who may come in"
HELD = "a gateway serves from its own cache what decides who may do what"
REFUSALS = frozenset({401, 403})
ACCOUNTS = "/users"


def check_rights(evidence: Evidence) -> Iterator[Violation]:
    """Look at the answers about accounts, and at the refusals. How old an answer is, others look at."""
    writes: defaultdict[str, list[Write]] = defaultdict(list)
    for write in evidence.history.writes:
        if kind_of(write.key) == EVERYBODY and write.may_be_done:
            writes[write.key].append(write)
    own = {each[0].owner: key for key, each in writes.items()}
    for read in evidence.history.reads:
        if not read.path.startswith(ACCOUNTS) or read.owner not in own:
            continue
        key = own[read.owner]
        revision, mark = read.found.get(key, (0, ""))
        if mark and not _may(mark, read) and not any(_lets_in(write, revision, read) for write in writes[key]):
            yield Violation(LET_IN, key, mark, [read.lines()])
        if read.found and read.source == "l1":
            yield Violation(HELD, key, mark, [read.lines()])
        if read.status in REFUSALS and not any(_may_explain(evidence, write, read) for write in writes[key]):
            yield Violation(KEPT_OUT, key, f"status {read.status}", [read.lines()])


def _may(mark: str, read: Read) -> bool:
    """Whether an account with this mark may have such an answer; a mark that is only a name says nothing against it."""
    _, role, state = [*mark.split(" "), "", ""][:3]
    return state != "closed" and (read.whole != EVERYBODY or role != "user")


def _lets_in(write: Write, revision: int, read: Read) -> bool:
    """Whether a write may have given the right after a list was read and before it was decided who may have it."""
    is_later = write.revision is None or write.revision > revision
    return bool(read.whole) and is_later and write.begin < read.end and _may(write.mark, read)


def _may_explain(evidence: Evidence, write: Write, read: Read) -> bool:
    """Whether a write may have made of the account, by the time of a refusal, one that has to be refused."""
    due = evidence.seen.before(write.key, read.begin)
    is_current = write.revision is None or write.revision >= due
    return is_current and write.begin < read.end and not _may(write.mark, read)

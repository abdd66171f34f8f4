"""What clients were answered: nothing unexpected, repeats alike, and no failure while nothing was broken."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.checker.history import Attempt, Operation
from tests.faults.checker.lives import Lives
from tests.faults.checker.violation import Violation

UNEXPECTED = "an answer is not one that clients were promised"
REPEAT = "a repeat is answered otherwise"
SICK = "a request failed while nothing was broken"
SLOW = "a fault was not healed in time"

MAY_BE_TRIED_AGAIN = frozenset({429, 503, 504})
_SUCCESS: Mapping[str, frozenset[int]] = {
    "strategy.create": frozenset({201}),
    "dataset.create": frozenset({201}),
    "backtest.create": frozenset({200, 202}),
    "sweep.create": frozenset({200, 202}),
    "strategy.patch": frozenset({200}),
    "strategy.delete": frozenset({204}),
    "dataset.delete": frozenset({204}),
    "backtest.delete": frozenset({204}),
    "backtest.cancel": frozenset({200, 409}),
    "sweep.cancel": frozenset({200, 409}),
}
_READ = frozenset({200, 304})
# By these the same bytes are promised; a run goes on between two looks at it.
_SAME_BYTES = frozenset({"strategy.create", "dataset.create"})


@dataclass(frozen=True, slots=True)
class FaultRun:
    """A fault as it happened: when its cause began and ended, and after how many seconds all worked, if it did.

    `allowed` is in how many it had to; `next` is when another began, or the load ended.
    """

    name: str
    began: float
    ended: float
    healed: float | None
    allowed: float
    next: float


def check_answers(operations: Sequence[Operation]) -> Iterator[Violation]:
    """Statuses and repeats."""
    lives = Lives()
    for operation in operations:
        uncertain = _uncertain(operation, lives)
        for number, attempt in enumerate(operation.attempts):
            earlier = any(each.ambiguous or each.succeeded for each in operation.attempts[:number])
            if (why := _unexpected(operation, attempt, uncertain=uncertain or earlier)) is not None:
                yield Violation(UNEXPECTED, f"{operation.kind} {operation.op}", why, [operation.lines()])
        yield from _check_repeats(operation)
        if not operation.is_read:
            lives.apply(operation)


def _uncertain(operation: Operation, lives: Lives) -> bool:
    """Whether the client cannot know what is there."""
    life = lives.by_id.get(operation.subject)
    return operation.kind.startswith("strategy.") and (life is None or len(life.names) > 1 or life.may_be_gone)


def _unexpected(operation: Operation, attempt: Attempt, *, uncertain: bool) -> str | None:
    status = attempt.status
    if status in {0, 401}:  # none, or the access token is too old
        return None
    if status in MAY_BE_TRIED_AGAIN:
        missing = status != 504 and "Retry-After" not in attempt.headers
        return f"{status} without Retry-After" if missing else None
    if status in (_READ if operation.is_read else _SUCCESS.get(operation.kind, frozenset())):
        return None
    if status == 409 and "Retry-After" in attempt.headers:
        return None  # it is still being done
    # What was changed or is gone already by an attempt whose answer was lost, and what somebody else's delete took.
    if status in {404, 412} and (uncertain or operation.kind.partition(".")[0] != "strategy"):
        return None
    return f"{status} {attempt.body.get('detail', '')}"


def _check_repeats(operation: Operation) -> Iterator[Violation]:
    answers = [each for each in operation.attempts if each.succeeded]
    if operation.is_read or len(answers) < 2:
        return
    subject = f"{operation.kind} {operation.op}"
    if len({each.body.get("id") for each in answers}) > 1:
        yield Violation(REPEAT, subject, "it names another resource", [operation.lines()])
    elif operation.kind in _SAME_BYTES and len({each.digest for each in answers}) > 1:
        yield Violation(REPEAT, subject, "its content differs", [operation.lines()])


def check_health(operations: Sequence[Operation], faults: Sequence[FaultRun], began: float) -> Iterator[Violation]:
    """Each fault healed in time; and what was sent after that, or before the first of all, was answered."""
    for fault in faults:
        if fault.healed is None or fault.healed > fault.allowed:
            after = "not at all" if fault.healed is None else f"after {fault.healed:.2f} s"
            yield Violation(SLOW, fault.name, f"healed {after}; {fault.allowed:.1f} s are allowed", [])
    quiet = [(each.ended + each.allowed, each.next) for each in faults]
    quiet += [(began, faults[0].began)] if faults else []
    for operation in operations:
        for attempt in operation.attempts:
            if attempt.status < 500 and attempt.status != 0:
                continue
            ended = attempt.ended if attempt.ended is not None else float("inf")
            # What the next fault met with under way is none of this.
            if any(begin <= attempt.sent and ended <= end for begin, end in quiet):
                how = attempt.error or f"{attempt.status} {attempt.body.get('detail', '')}"
                yield Violation(SICK, f"{operation.kind} {operation.op}", how, [operation.lines()])

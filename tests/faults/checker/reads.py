"""A read with its client's token is never older than what was acknowledged to the client before it was sent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.checker.history import Attempt, Operation
from tests.faults.checker.lives import Life, Lives
from tests.faults.checker.snapshot import Snapshot
from tests.faults.checker.violation import Violation

STALE = "a read is older than the client's own writes"
NOWHERE = "a read shows what was never written"
STILL_STALE = "a read is older than the database although all is quiet"

REMEMBERED = 20
"""Later writes of the lane's after which its token, which names 32 objects, need not name this one any more."""
PAGE_OF_STRATEGIES = 200
NEWER_RUNS = 15
"""Later runs of the owner's after which a run need not be on a page of 20."""


def check_reads(operations: Sequence[Operation], snapshot: Snapshot) -> Iterator[Violation]:
    """Walk the history in the order in which things began; a lane does one thing after the other."""
    known = _Known()
    for operation in operations:
        known.note(operation)
        if operation.is_read and operation.attempts:
            yield from _check(operation, operation.attempts[0], known, snapshot)


@dataclass(slots=True)
class _Known:
    """What was done so far: strategies, the revisions that tags stand for, and runs, by owner and in order."""

    lives: Lives = field(default_factory=Lives)
    tags: dict[tuple[str, str], int] = field(default_factory=dict)
    created: dict[str, list[Operation]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)

    def note(self, operation: Operation) -> None:
        """Go on by one operation."""
        for attempt in operation.attempts:
            if attempt.succeeded and "revision" in attempt.body and "ETag" in attempt.headers:
                self.tags[str(attempt.body["id"]), attempt.headers["ETag"]] = int(attempt.body["revision"])
        if operation.kind == "backtest.create":
            self.created.setdefault(operation.owner, []).append(operation)
        elif operation.kind == "backtest.delete":
            self.deleted.add(operation.subject)
        elif operation.kind == "backtest.cancel" and operation.answer is not None:
            self.cancelled.add(operation.subject)
        if not operation.is_read:
            self.lives.apply(operation)


def _check(operation: Operation, attempt: Attempt, known: _Known, snapshot: Snapshot) -> Iterator[Violation]:
    subject = operation.subject
    if operation.kind == "strategy.read":
        yield from _check_strategy(operation, attempt, known.lives.by_id.get(subject), known.tags)
    elif operation.kind == "final.read":
        yield from _check_final(operation, attempt, snapshot)
    elif operation.token and operation.kind == "backtest.read":
        yield from _check_run(operation, attempt, subject in known.deleted, subject in known.cancelled)
    elif operation.token and attempt.items is not None and operation.kind == "strategy.list":
        yield from _check_strategies(operation, attempt.items, known.lives)
    elif operation.token and attempt.items is not None and operation.kind == "backtest.list":
        yield from _check_runs(operation, attempt.items, known.created.get(operation.owner, []), known.deleted)


def _check_strategy(
    operation: Operation, attempt: Attempt, life: Life | None, tags: Mapping[tuple[str, str], int]
) -> Iterator[Violation]:
    if life is None or attempt.status == 0 or attempt.status >= 500:
        return
    subject = f"strategy {life.id}"
    lines = [operation.lines(), *(each.lines() for each in life.operations[-3:])]
    if attempt.status == 200 and attempt.body["name"] not in life.past:
        yield Violation(NOWHERE, subject, f"its name is {attempt.body['name']}", lines)
    if not operation.token or life.since > REMEMBERED:
        return
    if attempt.status == 404 and not life.may_be_gone:
        yield Violation(STALE, subject, "it is not found", lines)
    if attempt.status == 200 and life.is_gone:
        yield Violation(STALE, subject, "it was deleted", lines)
    elif attempt.status == 200 and (attempt.body["revision"] < life.least or attempt.body["name"] not in life.names):
        detail = f"revision {attempt.body['revision']} named {attempt.body['name']}; at least {life.least} is due"
        yield Violation(STALE, subject, detail, lines)
    if attempt.status == 304:
        revision = tags.get((life.id, operation.tag))
        if life.is_gone or (revision is not None and revision < life.least):
            detail = f"not modified since revision {revision}; at least {life.least} is due"
            yield Violation(STALE, subject, detail, lines)


def _check_strategies(operation: Operation, items: Sequence[Mapping[str, Any]], lives: Lives) -> Iterator[Violation]:
    found = {str(item["id"]): item for item in items}
    for life in lives.by_id.values():
        if life.lane != operation.lane or life.since > REMEMBERED or len(items) >= PAGE_OF_STRATEGIES:
            continue
        item = found.get(life.id)
        lines = [operation.lines(), *(each.lines() for each in life.operations[-3:])]
        if item is None and not life.may_be_gone:
            yield Violation(STALE, f"list with strategy {life.id}", "it is not in the list", lines)
        elif item is not None and life.is_gone:
            yield Violation(STALE, f"list with strategy {life.id}", "it was deleted", lines)
        elif item is not None and item["revision"] < life.least:
            detail = f"revision {item['revision']}; at least {life.least} is due"
            yield Violation(STALE, f"list with strategy {life.id}", detail, lines)


def _check_run(operation: Operation, attempt: Attempt, is_deleted: bool, is_cancelled: bool) -> Iterator[Violation]:
    if attempt.status == 404 and not is_deleted:
        yield Violation(STALE, f"backtest {operation.subject}", "it is not found", [operation.lines()])
    if attempt.status == 200 and is_cancelled and attempt.body["status"] != "cancelled":
        detail = f"it was cancelled, and is {attempt.body['status']}"
        yield Violation(STALE, f"backtest {operation.subject}", detail, [operation.lines()])


def _check_runs(
    operation: Operation, items: Sequence[Mapping[str, Any]], created: Sequence[Operation], deleted: set[str]
) -> Iterator[Violation]:
    found = {str(item["id"]) for item in items}
    for newer, run in enumerate(reversed(created)):
        if newer >= NEWER_RUNS:
            return
        mine = run.lane == operation.lane and run.answer is not None and run.answer.ended is not None
        if mine and run.id not in deleted and run.id not in found:
            detail = "it is not in the list"
            yield Violation(STALE, f"list with backtest {run.id}", detail, [operation.lines(), run.lines()])


def _check_final(operation: Operation, attempt: Attempt, snapshot: Snapshot) -> Iterator[Violation]:
    row = snapshot.strategies.get(operation.subject)
    if attempt.status == 200 and (row is None or attempt.body["revision"] != row["revision"]):
        detail = f"revision {attempt.body['revision']}, and the database has {row and row['revision']}"
        yield Violation(STILL_STALE, f"strategy {operation.subject}", detail, [operation.lines()])
    elif attempt.status != 200 and row is not None:
        yield Violation(
            STILL_STALE, f"strategy {operation.subject}", f"it answers {attempt.status}", [operation.lines()]
        )

"""No acknowledged write is lost, none is applied twice."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.faults.checker.history import Operation
from tests.faults.checker.lives import lives_of
from tests.faults.checker.snapshot import Row, Snapshot
from tests.faults.checker.violation import Violation

LOST = "an acknowledged write is lost"
TWICE = "a write was applied twice"
NOWHERE = "something was made that nobody asked for"
REFUSED = "a refused write was applied"


def check_writes(operations: Sequence[Operation], snapshot: Snapshot) -> Iterator[Violation]:
    """Compare what was acknowledged with the rows."""
    yield from _check_strategies(operations, snapshot)
    for table in _tables(snapshot):
        yield from _check_created(operations, *table)
    yield from _check_deleted(operations, snapshot)
    yield from _check_cancelled(operations, snapshot)


def _tables(snapshot: Snapshot) -> list[tuple[str, Mapping[str, Row], Any]]:
    """For each kind of creation its rows, and what of a row is the mark of the write that made it."""
    return [
        ("strategy", snapshot.strategies, lambda row: row["description"]),
        ("dataset", snapshot.datasets, lambda row: row["name"]),
        ("backtest", snapshot.backtests, lambda row: _number(row["run_identity"]["execution"].get("initial_cash"))),
        ("sweep", snapshot.sweeps, lambda row: row["run_identity"].get("seed")),
    ]


def _number(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_strategies(operations: Sequence[Operation], snapshot: Snapshot) -> Iterator[Violation]:
    for life in lives_of(operations).by_id.values():
        row = snapshot.strategies.get(life.id)
        lines = [each.lines() for each in life.operations[-4:]]
        if row is None:
            if not life.may_be_gone:
                yield Violation(LOST, f"strategy {life.id}", "it is not in the database", lines)
            continue
        if row["name"] not in life.names:
            detail = f"its name is {row['name']}, and should be one of {sorted(life.names)}"
            yield Violation(LOST, f"strategy {life.id}", detail, [*lines, dict(row)])
        if row["revision"] < life.least:
            detail = f"its revision is {row['revision']}, after {life.least - 1} acknowledged changes"
            yield Violation(LOST, f"strategy {life.id}", detail, lines)
        if row["revision"] > life.most:
            detail = f"its revision is {row['revision']}, after {life.most - 1} changes that were asked for"
            yield Violation(TWICE, f"strategy {life.id}", detail, lines)


def _check_created(
    operations: Sequence[Operation], kind: str, rows: Mapping[str, Row], mark_of: Any
) -> Iterator[Violation]:
    by_mark: dict[tuple[str, object], list[str]] = defaultdict(list)
    for row in rows.values():
        by_mark[row["owner_id"], mark_of(row)].append(row["id"])
    gone = Counter(each.subject for each in operations if each.kind == f"{kind}.delete" and not _had_no_effect(each))
    expected: set[tuple[str, object]] = set()
    for operation in operations:
        if operation.kind != f"{kind}.create":
            continue
        expected.add((operation.owner, operation.mark))
        found = by_mark.get((operation.owner, operation.mark), [])
        subject = f"{kind} {operation.mark}"
        if len(found) > 1 or (operation.id and [each for each in found if each != operation.id]):
            detail = f"there are {found}, and the acknowledged one is {operation.id or 'unknown'}"
            yield Violation(TWICE, subject, detail, [operation.lines()])
        if operation.id and operation.id not in found and not gone[operation.id] and kind != "strategy":
            yield Violation(LOST, f"{kind} {operation.id}", "it is not in the database", [operation.lines()])
        if found and _had_no_effect(operation):
            yield Violation(REFUSED, subject, f"it was refused, and there is {found}", [operation.lines()])
    for (owner, mark), found in by_mark.items():
        disowned = kind == "dataset" and owner == "00000000-0000-0000-0000-000000000000"
        if (owner, mark) not in expected and not disowned:
            yield Violation(NOWHERE, f"{kind} {found[0]}", f"its mark {mark!r} is nobody's", [])


def _had_no_effect(operation: Operation) -> bool:
    return operation.answer is None and not operation.unknown


def _check_deleted(operations: Sequence[Operation], snapshot: Snapshot) -> Iterator[Violation]:
    tables: dict[str, Mapping[str, Row]] = {
        "strategy.delete": snapshot.strategies,
        "dataset.delete": snapshot.datasets,
        "backtest.delete": snapshot.backtests,
        "sweep.delete": snapshot.sweeps,
    }
    for operation in operations:
        row = tables.get(operation.kind, {}).get(operation.subject)
        if row is not None and operation.answer is not None and row["owner_id"] == operation.owner:
            yield Violation(LOST, operation.subject, "it was deleted, and is there", [operation.lines(), dict(row)])


def _check_cancelled(operations: Sequence[Operation], snapshot: Snapshot) -> Iterator[Violation]:
    tables: dict[str, Mapping[str, Row]] = {
        "backtest.cancel": snapshot.backtests,
        "sweep.cancel": snapshot.sweeps,
    }
    for operation in operations:
        row = tables.get(operation.kind, {}).get(operation.subject)
        if row is not None and operation.answer is not None and row["status"] != "cancelled":
            detail = f"it was cancelled, and is {row['status']}"
            yield Violation(LOST, operation.subject, detail, [operation.lines()])

"""Every run comes to an end, and to the same result whenever it is computed."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.faults.checker.snapshot import Row, Snapshot
from tests.faults.checker.violation import Violation

STUCK = "a job is stuck"
FAILED = "a job failed that can be done"
DIFFERS = "identical requests have different results"
ENDED = frozenset({"succeeded", "failed", "cancelled"})
_SHOWN = ("id", "owner_id", "status", "error", "revision", "result_digest")


def check_jobs(snapshot: Snapshot, *, progressing: bool) -> Iterator[Violation]:
    """`progressing`: others were still ending when the wait was over, so that one which waits may be next."""
    for kind, rows in (("backtest", snapshot.backtests), ("sweep", snapshot.sweeps)):
        for row in rows.values():
            if row["status"] not in ENDED and not progressing:
                yield Violation(STUCK, f"{kind} {row['id']}", f"it is {row['status']}", [_shown(row)])
            if row["status"] == "failed":
                yield Violation(FAILED, f"{kind} {row['id']}", str(row["error"]), [_shown(row)])
        for same in _identical(rows):
            if len({row["result_digest"] for row in same}) > 1:
                yield Violation(DIFFERS, kind, f"{len(same)} runs", [_shown(row) for row in same])


def compared(snapshot: Snapshot) -> int:
    """How many results were compared with another of an identical request."""
    groups = [*_identical(snapshot.backtests), *_identical(snapshot.sweeps)]
    return sum(len(group) > 1 for group in groups)


def _identical(rows: Mapping[str, Row]) -> list[list[Row]]:
    """The rows that have a result, together with those that were asked for the same."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows.values():
        if row["status"] == "succeeded":
            groups[json.dumps([row["run_identity"], row.get("grid")], sort_keys=True)].append(row)
    return list(groups.values())


def _shown(row: Row) -> Mapping[str, Any]:
    return {name: row[name] for name in _SHOWN if name in row}

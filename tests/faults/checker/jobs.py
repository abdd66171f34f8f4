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


def check_jobs(snapshot: Snapshot, *, progressing: bool) -> Iterator[Violation]:
    """`progressing`: others were still ending when the wait was over, so that one which waits may be next."""
    for kind, rows in (("backtest", snapshot.backtests), ("sweep", snapshot.sweeps)):
        results: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for row in rows.values():
            if row["status"] not in ENDED and not progressing:
                yield Violation(STUCK, f"{kind} {row['id']}", f"it is {row['status']}", [_shown(row)])
            if row["status"] == "failed":
                yield Violation(FAILED, f"{kind} {row['id']}", str(row["error"]), [_shown(row)])
            if row["status"] == "succeeded":
                asked = json.dumps([row["run_identity"], row.get("grid")], sort_keys=True)
                results[asked][row["result_digest"]].append(row["id"])
        for digests in results.values():
            if len(digests) > 1:
                yield Violation(DIFFERS, kind, f"{len(digests)} digests", [dict(digests)])


def _shown(row: Row) -> Mapping[str, Any]:
    return {name: row[name] for name in ("id", "owner_id", "status", "error", "revision") if name in row}

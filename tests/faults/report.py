"""The report of a run: a JSON file, and one line of verdict."""

import json
import platform
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.checker import Evidence
from tests.faults.checker.history import Operation
from tests.faults.checker.jobs import compared
from tests.faults.checker.violation import Violation


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to. `document` is the JSON; `path` is where it is."""

    document: dict[str, Any]
    path: Path
    violations: list[Violation]

    @classmethod
    def of(
        cls,
        seed: int,
        duration: float,
        evidence: Evidence,
        faults: Sequence[dict[str, Any]],
        violations: list[Violation],
        folder: Path,
    ) -> "Report":
        """Write it into `folder`."""
        document = {
            "verdict": "passed" if not violations else "failed",
            "seed": seed,
            "duration": duration,
            "python": platform.python_version(),
            "faults": [_fault(each, evidence.began) for each in faults],
            "requests": requests(evidence.operations),
            "rows": {
                name: len(getattr(evidence.snapshot, name))
                for name in ("strategies", "datasets", "backtests", "sweeps")
            },
            "events": {
                "committed": {
                    stream: last for stream, last in evidence.snapshot.sequences.items() if ".events." in stream
                },
                "deliveries": len(evidence.deliveries),
                "distinct": len({(each.stream, each.entry) for each in evidence.deliveries}),
            },
            "results_compared": compared(evidence.snapshot),
            "violations_by_rule": dict(Counter(each.rule for each in violations)),
            "violations": [each.as_dict() for each in violations],
        }
        path = folder / "report.json"
        path.write_text(json.dumps(document, indent=1, default=str))
        return cls(document, path, violations)

    @property
    def passed(self) -> bool:
        """Whether every promise was kept."""
        return not self.violations

    def line(self) -> str:
        """The verdict in one line."""
        requests, faults = self.document["requests"], self.document["faults"]
        healed = [each["healed"] for each in faults if each["healed"] is not None]
        found = ", ".join(f"{number} x {rule}" for rule, number in self.document["violations_by_rule"].items())
        late = sum(each["allowed"] > 5 for each in faults if each["healed"] is not None)
        return (
            f"chaos {self.document['verdict']}: seed {self.document['seed']}, {self.document['duration']:g} s, "
            f"{len(faults)} faults healed in {_span(healed)}{f' ({late} over 5 s, machine busy)' if late else ''}, "
            f"{requests['sent']} requests ({requests['unanswered']} without an answer, {requests['unavailable']} "
            f"answered 503 or 504), {self.document['events']['distinct']} events; {found or 'no violation'}; "
            f"{self.path}"
        )


def _span(seconds: Sequence[float]) -> str:
    return f"{min(seconds):.1f} to {max(seconds):.1f} s" if seconds else "no time"


def _fault(fault: dict[str, Any], began: float) -> dict[str, Any]:
    return {
        **fault,
        "began": round(fault["began"] - began, 3),
        "ended": round(fault["ended"] - began, 3),
    }


def requests(operations: Iterable[Operation]) -> dict[str, Any]:
    """Numbers of what clients sent, and how long answers took, by kind."""
    attempts = [(each.kind, attempt) for each in operations for attempt in each.attempts]
    by_kind: dict[str, list[float]] = {}
    for kind, attempt in attempts:
        if attempt.ended is not None and attempt.succeeded:
            by_kind.setdefault(kind, []).append(attempt.ended - attempt.sent)
    return {
        "sent": len(attempts),
        "unanswered": sum(attempt.status == 0 for _, attempt in attempts),
        "unavailable": sum(attempt.status in {503, 504} for _, attempt in attempts),
        "statuses": dict(sorted(Counter(attempt.status for _, attempt in attempts).items())),
        "seconds": {kind: _quantiles(seconds) for kind, seconds in sorted(by_kind.items())},
    }


def _quantiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "number": len(ordered),
        "p50": round(statistics.median(ordered), 4),
        "p99": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 4),
        "max": round(ordered[-1], 4),
    }

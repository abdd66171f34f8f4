"""The verdict on a run: of each part what was found, and what was measured."""

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.consistency.checker.evidence import Evidence
from tests.consistency.checker.invalidations import OLDER_THAN_INVALIDATION
from tests.consistency.checker.owners import FOREIGN
from tests.consistency.checker.registers import OLDER, OLDER_THAN_LEASE
from tests.consistency.checker.staleness import HOPS, P99_SECONDS, Staleness
from tests.consistency.checker.tokens import OLDER_THAN_TOKEN
from tests.faults.checker.violation import Violation

PROMISED = (OLDER_THAN_TOKEN, OLDER_THAN_INVALIDATION, FOREIGN, OLDER, OLDER_THAN_LEASE)
SHOWN = 200
"""Violations of each part that the report has in full."""


@dataclass
class Part:
    """One part of a run. `troubles` are what kept the harness from its work.

    Where mutants ran, `found_out` has by name what each has shown itself by: each has to be found out.
    """

    name: str
    evidence: Evidence
    violations: list[Violation]
    found_out: dict[str, list[Violation]] = field(default_factory=dict)
    measured: Staleness | None = None
    faults: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether it is as it should be."""
        if self.found_out:
            return all(self.found_out.values())
        return not self.violations and not self.troubles and (self.measured is None or self.measured.is_allowed)

    def line(self) -> str:
        """What it came to, in a line or two."""
        history = self.evidence.history
        sources = Counter(each.source for each in self.evidence.reads)
        by_rule = Counter(each.rule for each in self.violations)
        found = ", ".join(f"{number} x {rule}" for rule, number in by_rule.items()) or "no violation"
        if self.found_out:
            hidden = [name for name, shown in self.found_out.items() if not shown]
            found = f"NOT FOUND OUT, this test is too weak: {', '.join(hidden)}" if hidden else f"found out: {found}"
        tokens = sum(bool(each.due) for each in self.evidence.reads)
        by_source = ", ".join(f"{kind or 'none'} {number:,}" for kind, number in sorted(sources.items()))
        text = (
            f"{self.name}: {'passed' if self.passed else 'FAILED'}; {len(self.evidence.reads):,} reads "
            f"({tokens:,} with a token; {by_source}), "
            f"{sum(each.revision is not None for each in history.writes):,} writes, {len(self.faults)} faults; {found}"
        )
        text += "".join(f"; {each}" for each in self.troubles)
        return text if self.measured is None else f"{text}\n  {_measured(self.measured)}"

    def document(self) -> dict[str, Any]:
        """As the report has it."""
        return {
            "name": self.name, "passed": self.passed, "faults": self.faults,
            "troubles": self.troubles, "reads": len(self.evidence.reads), "writes": len(self.evidence.history.writes),
            "staleness": None if self.measured is None else asdict(self.measured),
            "found_out": {name: len(shown) for name, shown in self.found_out.items()},
            "violations_by_rule": dict(Counter(each.rule for each in self.violations)),
            "violations": [each.as_dict() for each in self.violations[:SHOWN]],
        }  # fmt: skip


def _measured(found: Staleness) -> str:
    return (
        f"without a token, nothing broken: {found.reads:,} answers, {found.stale:,} of them old; staleness p99 "
        f"{1000 * found.p99:.2f} ms (at most {1000 * P99_SECONDS:.0f}), p99.9 {1000 * found.p999:.2f} ms (at most "
        f"{1000 * HOPS * found.hop_p999:.2f}: {HOPS:g} hops of {1000 * found.hop_p999:.2f} ms), worst "
        f"{1000 * found.worst:.2f} ms"
    )


@dataclass
class Report:
    """All parts. `path` is where the document is."""

    seed: int
    duration: float
    parts: list[Part]
    path: Path

    @property
    def passed(self) -> bool:
        """Whether every part is as it should be."""
        return all(part.passed for part in self.parts)

    def write(self) -> None:
        """Write the document."""
        document = {
            "verdict": "passed" if self.passed else "failed", "seed": self.seed, "duration": self.duration,
            "parts": [part.document() for part in self.parts],
        }  # fmt: skip
        self.path.write_text(json.dumps(document, indent=1, default=str))

    def line(self) -> str:
        """The verdict in one line."""
        verdict = "passed" if self.passed else "failed"
        ours = [part for part in self.parts if not part.found_out]
        reads = [read for part in ours for read in part.evidence.reads]
        found = Counter(each.rule for part in ours for each in part.violations)
        others = "".join(f", {number} x {rule}" for rule, number in found.items() if rule not in PROMISED)
        mutants = [shown for part in self.parts for shown in part.found_out.values()]
        out = sum(map(bool, mutants))
        return (
            f"consistency {verdict}: seed {self.seed}, {self.duration:g} s, {len(reads):,} reads checked: "
            f"{found[OLDER_THAN_TOKEN]} stale of {sum(bool(each.due) for each in reads):,} with a token, "
            f"{found[OLDER_THAN_INVALIDATION]} stale after the invalidation was acknowledged, {found[FOREIGN]} of "
            f"another owner's, {found[OLDER] + found[OLDER_THAN_LEASE]} not linearizable{others}; "
            f"{out} of {len(mutants)} mutants found out; {self.path}"
        )

"""What was found under a real Prometheus, and whether it is as it should be."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bench.serving.exposed import Answered

METRICS = "/metrics"


@dataclass(frozen=True, slots=True)
class Scrapes:
    """What Prometheus says of its own: how many came and failed, the seconds that they took, the samples of one."""

    came: int
    failed: int
    median: float = 0.0
    worst: float = 0.0
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Told:
    """`sent` are the answers that the load has counted itself, `counted` is what Prometheus says of the same time.

    `fell` is how often a counter of HTTP did, `alerts` are those that have fired, `faults` what promtool or Prometheus
    has to say against files, rules or metrics. `failures` are the load's own, of so many `requests`, by their reason.
    """

    sent: Counter[Answered]
    counted: Counter[Answered]
    scrapes: Scrapes
    fell: int = 0
    alerts: Sequence[str] = ()
    faults: Sequence[str] = ()
    requests: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def differences(self) -> list[str]:
        """Each count that is another than it must be."""
        return list(self._differences())

    @property
    def well(self) -> bool:
        """Whether nothing differs, fell, fired or was complained of."""
        return not (self.differences or self.fell or self.alerts or self.faults)

    def _differences(self) -> Iterator[str]:
        """Scrapes are answered as well. The last that came does not show itself; one that failed may have no answer."""
        for answered in self.everything():
            least = most = self.sent[answered]
            if answered.route == METRICS and answered.status == "200":
                least = most = most + max(0, self.scrapes.came - 1)
            elif answered.route == METRICS:
                most += self.scrapes.failed
            if not least <= self.counted[answered] <= most:
                wanted = f"{least:,}" if least == most else f"{least:,} to {most:,}"
                yield f"{' '.join(answered)}: {self.counted[answered]:,}, and not {wanted}"

    def everything(self) -> list[Answered]:
        """Return all that anybody has counted, in order."""
        return sorted(self.sent.keys() | self.counted.keys())


def report(told: Told) -> str:
    """Return a table of all that was counted, and the verdicts."""
    lines = ["| method | route | status | answers that the load had | answers that Prometheus says |", "|---" * 5 + "|"]
    for each in told.everything():
        method, route, status = each
        lines.append(f"| {method} | `{route}` | {status} | {told.sent[each]:,} | {told.counted[each]:,} |")
    scrapes, unanswered = told.scrapes, told.requests - told.sent.total()
    lines += [
        "",
        *_verdict(f"All counts are the same, with the scrapes themselves at `{METRICS}`", told.differences),
        *_verdict("No counter of HTTP has fallen", [f"{told.fell} times"] if told.fell else []),
        *_verdict("promtool and Prometheus have nothing against configuration, rules, tests and metrics", told.faults),
        *_verdict("No alert has fired", told.alerts),
        f"- {scrapes.came} scrapes of up to {scrapes.samples:,} samples came, {scrapes.failed} failed; median "
        f"{scrapes.median * 1e3:.1f} ms, worst {scrapes.worst * 1e3:.1f} ms, an interval of 15 s.",
        f"- Of {told.requests:,} requests {unanswered:,} had no answer: the only gateway was being started. All that "
        f"the load has failed with: {_failures(told.failures)}.",
    ]
    return "\n".join(lines)


def _verdict(what: str, against: Sequence[str]) -> list[str]:
    return [f"- {what}: {'**not met**' if against else 'met'}.", *(f"  - {each}" for each in against)]


def _failures(failures: Counter[str]) -> str:
    return "; ".join(f"{number} times {why}" for why, number in failures.most_common()) or "nothing"

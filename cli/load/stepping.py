"""Which rate a ramp offers next, and which it has held."""

import math

from cli.load.processes import ServerUse
from cli.load.results import Step, bottleneck, latency_of
from cli.load.tally import Tally
from cli.load.targets import ASKED, Figures, missed

FACTOR = 1.5
CLOSER = 1.07
"""The knee is known when the lowest rate that was not held is at most so many times the highest that was."""
FIRST = 50.0
OTHERS_PERCENT = 20.0
"""What other programs use of the machine from which on it is no longer the platform's knee that is found."""


class Climb:
    """Rates from FIRST on, each FACTOR times the one before, until one is not held or `most` is reached; then between
    the two. `seconds` for each.

    Held is what meets the required target of the mixed load. When the load itself is too slow for a rate, the ramp ends
    there: nothing above can be known.
    """

    def __init__(self, seconds: float, most: float) -> None:
        self.seconds = seconds
        self.knee = 0.0
        self.load_was_slow = False
        self._most = most
        self._not_held = 0.0
        self._busy = False

    @property
    def ended_by(self) -> str:
        """Return what keeps the knee from being higher."""
        if self.load_was_slow:
            return "the load: the platform holds at least this"
        if self._busy:
            return "the machine, which other programs use as well: the platform holds at least this"
        if self._not_held:
            return "the platform"
        return "its bound: the platform holds at least this"

    def next_rate(self) -> float | None:
        """Return what to offer next, None when the knee is found."""
        if self.load_was_slow:
            return None
        if not self._not_held:
            if self.knee >= self._most:
                return None
            return min(self.knee * FACTOR or FIRST, self._most)
        if not self.knee or self._not_held <= self.knee * CLOSER:
            return None
        return math.sqrt(self.knee * self._not_held)

    def judge(
        self, rate: float, tally: Tally, seconds: float, processor_share: float, server: ServerUse | None = None
    ) -> Step:
        """Note how this rate went."""
        whole = tally.whole()
        latency = latency_of(whole.latencies)
        figures = Figures(
            p95_ms=latency.p95_ms if latency else None,
            success_rate=whole.right / whole.total if whole.total else 0.0,
        )
        why = "; ".join(missed(figures, ASKED["mixed"].required))
        if not why:
            self.knee = max(self.knee, rate)
        elif slow := bottleneck(tally.lateness, whole.latencies, processor_share):
            self.load_was_slow, why = True, slow
        else:
            self._not_held = min(self._not_held or rate, rate)
            self._busy = self._busy or (server is not None and server.others_percent > OTHERS_PERCENT)
            why = "; ".join([why, *_reasons(tally)])
        return Step(
            rate=round(rate, 1),
            requests_per_second=round(whole.right / seconds, 1),
            success_rate=figures.success_rate,
            median_ms=latency.median_ms if latency else None,
            p95_ms=latency.p95_ms if latency else None,
            p99_ms=latency.p99_ms if latency else None,
            platform_percent=server.cpu_percent if server else None,
            others_percent=server.others_percent if server else None,
            held=not why,
            why=why,
        )


def _reasons(tally: Tally) -> list[str]:
    return [f"{number} x {why}" for why, number in tally.failures.most_common(3)]

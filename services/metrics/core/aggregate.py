"""Adds up the batches of all processes: totals that never fall, gauges of those that report, who is up.

Time here is the bus's: the id of a batch's stream entry says when it came, and the newest id is the present. The
metrics service reports too, so that the present moves on, and clocks of different machines are never compared.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from services.metrics.core.names import HTTP_DURATION, OF_ALL, SERVICE_PROCESSES, SERVICE_UP
from services.metrics.core.processes import Process, Refused
from services.metrics.core.recent import Recent
from services.metrics.core.totals import Series, Totals
from shared.contracts.messages import SERVICES
from shared.contracts.timings import MAX_RAW, TimingBatch

# A process sends once a second.
UP_SECONDS: Final = 10
GAUGE_SECONDS: Final = 60
# Silent processes whose last values are kept, so that one which was only held up goes on where it was.
MAX_SILENT: Final = 256
KNOWN_SERVICES: Final = ("gateway", *SERVICES)

T = TypeVar("T")


@dataclass(slots=True)
class Applied:
    """What became of a batch: whether it was the newest of its process, and the series left out, by reason."""

    fresh: bool
    refused: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class ServiceState:
    """A service's processes that report, and the seconds that the oldest of them has been up."""

    processes: int = 0
    uptime: float = 0.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything as it is now. `series` are totals and gauges by metric name, `rate` is HTTP requests a second."""

    series: dict[str, Series]
    services: dict[str, ServiceState]
    uptime: float
    rate: float
    durations: list[float]


class Aggregate:
    """Takes batches in any order, any number of times; gives snapshots."""

    def __init__(self) -> None:
        self._totals = Totals()
        self._recent = Recent()
        self._processes: dict[tuple[str, str], Process] = {}
        self._now = 0.0

    def apply(self, batch: TimingBatch, heard: float) -> Applied:
        """Add what `batch` tells anew; `heard` is the time of its stream entry in Unix seconds."""
        key = (batch.instance, batch.boot)
        process = self._processes.get(key)
        known = process is not None
        if process is None:
            process = self._processes[key] = Process(batch.service, heard)
        process.heard = max(process.heard, heard)
        self._now = max(self._now, heard)
        applied = Applied(fresh=batch.sequence > process.sequence)
        # A full list leaves requests out. The totals do not, but of an unknown process they grow by its whole past.
        saturated = known and len(batch.recent) >= MAX_RAW
        before = self._totals.observations(HTTP_DURATION) if saturated else 0
        _each(lambda series: process.count_histogram(self._totals, series), batch.histograms, applied.refused)
        _each(lambda series: process.count_counter(self._totals, series), batch.counters, applied.refused)
        if applied.fresh:
            requests = self._totals.observations(HTTP_DURATION) - before if saturated else len(batch.recent)
            self._recent.add(int(heard), batch.recent, requests)
            process.sequence, process.at, process.started_at = batch.sequence, batch.at, batch.started_at
            process.gauges.clear()
            _each(process.set_gauge, batch.gauges, applied.refused)
        self._forget()
        return applied

    def snapshot(self) -> Snapshot:
        """Return a copy of everything, unaffected by later batches."""
        services = self._services()
        uptime = max(state.uptime for state in services.values())
        series = self._totals.copy()
        for process in self._processes.values():
            if self._now - process.heard <= GAUGE_SECONDS:
                for (name, labels), value in process.gauges.items():
                    found = series.setdefault(name, {}).setdefault(labels, [0.0])
                    found[0] = max(found[0], value) if name in OF_ALL else found[0] + value
        series[SERVICE_PROCESSES.name] = {(name,): [state.processes] for name, state in services.items()}
        series[SERVICE_UP.name] = {(name,): [int(state.processes > 0)] for name, state in services.items()}
        return Snapshot(
            series=series,
            services=services,
            uptime=uptime,
            rate=self._recent.rate(self._now, uptime),
            durations=self._recent.durations(),
        )

    def _services(self) -> dict[str, ServiceState]:
        states = dict.fromkeys(KNOWN_SERVICES, ServiceState())
        for process in self._processes.values():
            state = states.setdefault(process.service, ServiceState())
            if self._now - process.heard <= UP_SECONDS:
                uptime = max(state.uptime, process.uptime(self._now))
                states[process.service] = ServiceState(state.processes + 1, uptime)
        return states

    def _forget(self) -> None:
        """Let go of the longest silent processes beyond MAX_SILENT; what they counted stays in the totals."""
        if len(self._processes) <= MAX_SILENT:
            return
        silent = [key for key, process in self._processes.items() if self._now - process.heard > GAUGE_SECONDS]
        silent.sort(key=lambda key: self._processes[key].heard)
        for key in silent[: max(0, len(silent) - MAX_SILENT)]:
            del self._processes[key]


def _each(take: Callable[[T], None], series: Sequence[T], refused: Counter[str]) -> None:
    for one in series:
        try:
            take(one)
        except Refused as error:
            refused[error.reason] += 1

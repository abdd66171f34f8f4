"""Adds up the batches of all processes: totals that never fall, gauges of those that report, who is up.

Time here is the bus's: the id of a batch's stream entry says when it came, and the newest id is the present. The
metrics service reports too, so that the present moves on, and clocks of different machines are never compared.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from services.metrics.core.names import ALL, HTTP_ANSWERS, OF_ALL
from services.metrics.core.process_names import SERVICE_PROCESSES, SERVICE_UP
from services.metrics.core.processes import Process, Refused
from services.metrics.core.recent import Recent
from services.metrics.core.state import ProcessState, SeriesState, State
from services.metrics.core.totals import Series, Totals, Vector
from shared.contracts.messages import SERVICES
from shared.contracts.timings import TimingBatch

# A process sends once a second.
UP_SECONDS: Final = 10
GAUGE_SECONDS: Final = 60
# Silent processes whose last values are kept, so that one which was only held up goes on where it was. Each has some
# hundred series, which are kept with the totals every few seconds.
MAX_SILENT: Final = 64
# Processes at their end, of which a batch that comes late or again must not count as another's.
MAX_ENDED: Final = 4096
KNOWN_SERVICES: Final = ("gateway", *SERVICES)

Life = tuple[str, str]
"""An instance, and which of its lives."""

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
    """Everything as it is now. `series` are totals and gauges by metric name, `rate` is HTTP requests a second.

    `durations` are those of the last requests in seconds, `last_minute` is the histogram of those of the last minute.
    """

    series: dict[str, Series]
    services: dict[str, ServiceState]
    uptime: float
    rate: float
    durations: list[float]
    last_minute: Vector


class Aggregate:
    """Takes batches in any order, any number of times; gives snapshots. With a `state` it begins where that was."""

    def __init__(self, state: State | None = None) -> None:
        self._totals = Totals()
        self._recent = Recent()
        self._processes: dict[Life, Process] = {}
        self._ended: dict[Life, None] = {}
        self._now = 0.0
        self.version = 0
        if state is not None:
            self._recall(state)

    def apply(self, batch: TimingBatch, heard: float) -> Applied:
        """Add what `batch` tells anew; `heard` is the time of its stream entry in Unix seconds."""
        key = (batch.instance, batch.boot)
        self._now = max(self._now, heard)
        self.version += 1
        if key in self._ended:
            return Applied(fresh=False)
        process = self._processes.get(key)
        met = process is None
        if process is None:
            process = self._processes[key] = Process(batch.service, self._free_place(batch.service), heard)
        elif self._now - process.heard > GAUGE_SECONDS:  # another may have its place by now
            process.move(self._totals, self._free_place(batch.service))
        process.heard = max(process.heard, heard)
        applied = Applied(fresh=batch.sequence > process.sequence)
        _each(lambda series: process.count_histogram(self._totals, series), batch.histograms, applied.refused)
        _each(lambda series: process.count_counter(self._totals, series), batch.counters, applied.refused)
        answered = process.take_answered()
        if met and batch.sequence > 1:  # it brings its whole past, of which this much is new
            answered = _histogram(batch.recent)
        self._recent.add(int(heard), answered)
        if applied.fresh:
            self._recent.add_durations(batch.recent)
            process.sequence, process.at, process.started_at = batch.sequence, batch.at, batch.started_at
            process.gauges.clear()
            _each(process.set_gauge, batch.gauges, applied.refused)
        if batch.last:
            self._let_go(key)
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
            last_minute=self._recent.last_minute(self._now),
        )

    def state(self) -> State:
        """Return all of it, for another life of the service; later batches change what is in it, so pack it at once.

        Copies of every series would take several times as long as packing them.
        """
        return State(
            now=self._now,
            totals=[SeriesState(*each) for each in self._totals.each()],
            processes=[
                ProcessState(
                    *key,
                    process.service,
                    process.place,
                    process.heard,
                    process.at,
                    process.started_at,
                    process.sequence,
                    [SeriesState(*each) for each in process.known()],
                    [(name, labels, value) for (name, labels), value in process.gauges.items()],
                )
                for key, process in self._processes.items()
            ],
            ended=list(self._ended),
            durations=self._recent.durations(),
            by_second=self._recent.by_second(),
        )

    def _recall(self, state: State) -> None:
        """Begin where `state` was. What the table of metrics has no row for any more is left out."""
        self._now = state.now
        self._recent = Recent(state.durations, state.by_second)
        self._ended = dict.fromkeys(state.ended)
        for series in state.totals:
            if (metric := series.row()) is not None:
                self._totals.recall(metric, series.labels, series.vector)
        for known in state.processes:
            process = Process(known.service, known.place, known.heard, known.at, known.started_at, known.sequence)
            self._processes[known.instance, known.boot] = process
            process.gauges = {(name, labels): value for name, labels, value in known.gauges if name in ALL}
            for series in known.series:
                if (metric := series.row()) is not None:
                    process.recall(self._totals, metric, series.labels, series.vector)

    def _free_place(self, service: str) -> int:
        """Return the lowest place that no process of the service has which reports."""
        taken = {
            process.place
            for process in self._processes.values()
            if process.service == service and self._now - process.heard <= GAUGE_SECONDS
        }
        return next(place for place in range(1, len(taken) + 2) if place not in taken)

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
            self._let_go(key)

    def _let_go(self, key: Life) -> None:
        del self._processes[key]
        self._ended[key] = None
        if len(self._ended) > MAX_ENDED:
            del self._ended[next(iter(self._ended))]


def _each(take: Callable[[T], None], series: Sequence[T], refused: Counter[str]) -> None:
    for one in series:
        try:
            take(one)
        except Refused as error:
            refused[error.reason] += 1


def _histogram(durations: Sequence[float]) -> Vector:
    vector: Vector = [0] * HTTP_ANSWERS.size
    for seconds in durations:
        vector[bisect_left(HTTP_ANSWERS.bounds, seconds)] += 1
    vector[-1] = sum(durations)
    return vector

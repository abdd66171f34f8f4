"""What is known of one process: the last cumulative values it reported, its gauges, when it was heard."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from services.metrics.core.metric import PROCESS, Kind, Metric
from services.metrics.core.names import ALL, HTTP_ANSWERS, REPORTED
from services.metrics.core.totals import Labels, Totals, Vector, label_values, raise_to
from shared.contracts.timings import Counter, Gauge, Histogram

MAX_SERIES_PER_PROCESS: Final = 10_000
# What a counter cannot come to in the life of a process; sums of such would be infinite one day, and stay so.
MAX_VALUE: Final = 2.0**63


class Refused(Exception):
    """A series that does not fit the table of metrics, or one too many; the rest of its batch counts."""

    def __init__(self, reason: Literal["unknown", "labels", "buckets", "values", "overflow"]) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Process:
    """One life of an instance. `heard` is bus time in seconds, `at` and `started_at` are its own Unix seconds.

    `place` is its number among the service's processes. `answered` is what its HTTP histograms grew by, added up over
    all of them, since somebody last took it.
    """

    service: str
    place: int
    heard: float
    at: float = 0.0
    started_at: float = 0.0
    sequence: int = -1
    gauges: dict[tuple[str, Labels], float] = field(default_factory=dict)
    answered: Vector = field(default_factory=lambda: [0] * HTTP_ANSWERS.size)
    # What is known of each series, and the total it counts into.
    _vectors: dict[tuple[str, Labels], tuple[Vector, Vector]] = field(default_factory=dict)

    def uptime(self, now: float) -> float:
        """Return seconds since its start, by its own clock up to its last batch and by the bus's after that."""
        return max(0.0, self.at - self.started_at) + max(0.0, now - self.heard)

    def count_histogram(self, totals: Totals, series: Histogram) -> None:
        """Raise `totals` by what the histogram grew. Raises Refused."""
        metric, labels = self._find("histogram", series.name, series.labels)
        if len(series.counts) + 1 != metric.size:
            raise Refused("buckets")
        growth = self._raise(totals, metric, labels, [*series.counts, series.total])
        if metric is HTTP_ANSWERS:
            self.answered = [sum(pair) for pair in zip(self.answered, growth, strict=True)]

    def count_counter(self, totals: Totals, series: Counter) -> None:
        """Raise `totals` by what the counter grew. Raises Refused."""
        metric, labels = self._find("counter", series.name, series.labels)
        self._raise(totals, metric, labels, [series.value])

    def set_gauge(self, series: Gauge) -> None:
        """Note a value as it is now. Raises Refused."""
        metric, labels = self._find("gauge", series.name, series.labels)
        self.gauges[metric.name, labels] = series.value

    def take_answered(self) -> Vector:
        """Return what `answered` holds, and begin it anew."""
        answered, self.answered = self.answered, [0] * HTTP_ANSWERS.size
        return answered

    def known(self) -> Iterable[tuple[str, Labels, Vector]]:
        """Return metric, labels and the cumulative values it reported last, of each series."""
        return ((name, labels, known) for (name, labels), (known, _) in self._vectors.items())

    def recall(self, totals: Totals, metric: Metric, labels: Labels, known: Vector) -> None:
        """Take `known` for what the process has reported, and the totals have counted."""
        self._vectors[metric.name, labels] = (known, totals.vector(metric, labels))

    def move(self, totals: Totals, place: int) -> None:
        """Go on at another place: what it counts from now on counts there."""
        self.place = place
        for name, labels in list(self._vectors):
            metric = ALL[name]
            if PROCESS in metric.labels:
                known, _ = self._vectors.pop((name, labels))
                at = metric.labels.index(PROCESS)
                self.recall(totals, metric, (*labels[:at], str(place), *labels[at + 1 :]), known)

    def _find(self, kind: Kind, name: str, labels: Mapping[str, str]) -> tuple[Metric, Labels]:
        metric = REPORTED.get((kind, name))
        if metric is None:
            raise Refused("unknown")
        values = label_values(metric, self.service, self.place, labels)
        if values is None:
            raise Refused("labels")
        return metric, values

    def _raise(self, totals: Totals, metric: Metric, labels: Labels, reported: Sequence[float]) -> Vector:
        if max(reported) > MAX_VALUE:
            raise Refused("values")
        key = (metric.name, labels)
        pair = self._vectors.get(key)
        if pair is None:
            if len(self._vectors) >= MAX_SERIES_PER_PROCESS:
                raise Refused("overflow")
            pair = self._vectors[key] = ([0] * metric.size, totals.vector(metric, labels))
        return raise_to(*pair, reported)

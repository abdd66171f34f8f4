"""What is known of one process: the last cumulative values it reported, its gauges, when it was heard."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from services.metrics.core.names import REPORTED, Kind, Metric
from services.metrics.core.totals import Labels, Totals, Vector, label_values, raise_to
from shared.contracts.timings import BUCKETS, Counter, Gauge, Histogram

MAX_SERIES_PER_PROCESS: Final = 10_000


class Refused(Exception):
    """A series that does not fit the table of metrics, or one too many; the rest of its batch counts."""

    def __init__(self, reason: Literal["unknown", "labels", "buckets", "overflow"]) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Process:
    """One life of an instance. `heard` is bus time in seconds, `at` and `started_at` are its own Unix seconds."""

    service: str
    heard: float
    at: float = 0.0
    started_at: float = 0.0
    sequence: int = -1
    gauges: dict[tuple[str, Labels], float] = field(default_factory=dict)
    # What is known of each series, and the total it counts into.
    _vectors: dict[tuple[str, Labels], tuple[Vector, Vector]] = field(default_factory=dict)

    def uptime(self, now: float) -> float:
        """Return seconds since its start, by its own clock up to its last batch and by the bus's after that."""
        return max(0.0, self.at - self.started_at) + max(0.0, now - self.heard)

    def count_histogram(self, totals: Totals, series: Histogram) -> None:
        """Raise `totals` by what the histogram grew. Raises Refused."""
        if len(series.counts) != len(BUCKETS) + 1:
            raise Refused("buckets")
        metric, labels = self._find("histogram", series.name, series.labels)
        self._raise(totals, metric, labels, [*series.counts, series.total])

    def count_counter(self, totals: Totals, series: Counter) -> None:
        """Raise `totals` by what the counter grew. Raises Refused."""
        metric, labels = self._find("counter", series.name, series.labels)
        self._raise(totals, metric, labels, [series.value])

    def set_gauge(self, series: Gauge) -> None:
        """Note a value as it is now. Raises Refused."""
        metric, labels = self._find("gauge", series.name, series.labels)
        self.gauges[metric.name, labels] = series.value

    def _find(self, kind: Kind, name: str, labels: Mapping[str, str]) -> tuple[Metric, Labels]:
        metric = REPORTED.get((kind, name))
        if metric is None:
            raise Refused("unknown")
        values = label_values(metric, self.service, labels)
        if values is None:
            raise Refused("labels")
        return metric, values

    def _raise(self, totals: Totals, metric: Metric, labels: Labels, reported: Sequence[float]) -> None:
        key = (metric.name, labels)
        pair = self._vectors.get(key)
        if pair is None:
            if len(self._vectors) >= MAX_SERIES_PER_PROCESS:
                raise Refused("overflow")
            size = len(reported)
            pair = self._vectors[key] = ([0] * size, totals.vector(metric, labels, size))
        raise_to(*pair, reported)

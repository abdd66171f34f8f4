"""Cumulative values of every series, added up over processes; the number of series of a metric has an end."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from services.metrics.core.metric import PROCESS, SERVICE, Metric

# Clients must not fill the memory, whatever they ask for: beyond these, the labels of a metric's series are OTHER.
MAX_SERIES: Final = 1000
MAX_LABEL: Final = 120
OTHER: Final = "other"

Labels = tuple[str, ...]
# A counter is a vector of one; a histogram is one count a bucket, one above, then the sum in seconds.
Vector = list[float]
Series = dict[Labels, Vector]


def label_values(metric: Metric, service: str, place: int, labels: Mapping[str, str]) -> Labels | None:
    """Return the values in the order of the metric's labels; None when the labels are not those of the metric.

    Of the sender's own, its service and its place among that service's processes, those are added that the metric has.
    """
    if SERVICE in metric.labels:
        labels = {SERVICE: service, **labels}
    if PROCESS in metric.labels:
        labels = {PROCESS: str(place), **labels}
    if len(labels) != len(metric.labels):
        return None
    try:
        return tuple([labels[name] for name in metric.labels])
    except KeyError:
        return None


def raise_to(known: Vector, total: Vector, reported: Sequence[float]) -> Vector:
    """Raise what is known of one process to what it reported, and the total by as much; return by how much.

    Cumulative values only grow, so the larger of two is the later one: batches may come in any order, again, or not
    at all, and no total ever falls.
    """
    growths: Vector = [0] * len(known)
    for place, value in enumerate(reported):
        growth = value - known[place]
        if growth > 0:
            known[place] = value
            total[place] += growth
            growths[place] = growth
    return growths


class Totals:
    """The sum over all processes, living and gone, of every series."""

    def __init__(self) -> None:
        self._metrics: dict[str, Series] = {}

    def vector(self, metric: Metric, labels: Labels) -> Vector:
        """Return the total that a series counts into: its own, or when the metric is full one of OTHER."""
        series = self._metrics.setdefault(metric.name, {})
        if any(len(value) > MAX_LABEL for value in labels):
            labels = tuple(value if len(value) <= MAX_LABEL else OTHER for value in labels)
        found = series.get(labels)
        if found is None:
            if len(series) >= MAX_SERIES:
                labels = tuple(
                    value if name in metric.kept else OTHER for name, value in zip(metric.labels, labels, strict=True)
                )
            found = series.setdefault(labels, [0] * metric.size)
        return found

    def copy(self) -> dict[str, Series]:
        """Return all totals by metric and labels, unaffected by what comes later."""
        return {
            name: {labels: vector.copy() for labels, vector in series.items()} for name, series in self._metrics.items()
        }

    def each(self) -> Iterable[tuple[str, Labels, Vector]]:
        """Return metric, labels and total of each series."""
        return ((name, labels, vector) for name, series in self._metrics.items() for labels, vector in series.items())

    def recall(self, metric: Metric, labels: Labels, total: Vector) -> None:
        """Begin a series at what it had come to."""
        self.vector(metric, labels)[:] = total

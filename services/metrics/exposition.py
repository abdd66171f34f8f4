"""Text for Prometheus, in its own format or OpenMetrics, made by prometheus-client from the totals and gauges."""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from services.metrics.core.names import METRICS, Metric
from services.metrics.core.totals import Series, Vector
from shared.contracts.timings import BUCKETS

TextForm = Literal["prometheus", "openmetrics"]

_BOUNDS = [*(str(bound) for bound in BUCKETS), "+Inf"]


def expose(series: Mapping[str, Series], form: TextForm) -> bytes:
    """Return the series in the order of the table of metrics; a metric without any is left out."""
    registry = CollectorRegistry()
    registry.register(_Collector(series))
    if form == "prometheus":
        return generate_latest(registry)
    return bytes(generate_openmetrics(registry))  # type: ignore[no-untyped-call]  # the one half without types


class _Collector:
    def __init__(self, series: Mapping[str, Series]) -> None:
        self._series = series

    def collect(self) -> Iterable[Family]:
        for metric in METRICS:
            found = self._series.get(metric.name)
            if found:
                yield _family(metric, found)


def _family(metric: Metric, series: Series) -> Family:
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels, unit=metric.unit)
        for labels, vector in series.items():
            histogram.add_metric(labels, _cumulative(vector), vector[-1])
        return histogram
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    name = metric.name.removesuffix("_total")
    family = kind(name, metric.help, labels=metric.labels, unit=metric.unit)
    for labels, vector in series.items():
        family.add_metric(labels, vector[0])
    return family


def _cumulative(vector: Vector) -> list[tuple[str, float]]:
    """Return each bucket's bound with the count of all up to it, as Prometheus counts."""
    return list(zip(_BOUNDS, accumulate(vector[:-1]), strict=True))

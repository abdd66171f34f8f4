"""Text for Prometheus, in its own format (version 0.0.4) or OpenMetrics 1.0, made by prometheus-client.

Formatting every line of thousands of series at each scrape is too much. So it writes each series once, and what stands
before the values is kept; the lines are kept too, and made anew only when the values have changed. The event loop is
let go on meanwhile.
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import accumulate
from typing import Final, Literal

from prometheus_client import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.utils import floatToGoString

from services.metrics.core.metric import Metric
from services.metrics.core.names import METRICS
from services.metrics.core.totals import Labels, Series, Vector

TextForm = Literal["prometheus", "openmetrics"]

FLOATS_ALIKE: Final = 1e6
"""Below that Python writes a number as Go does, in a fraction of the time that finding out takes."""
AT_ONCE_SECONDS: Final = 0.001
"""So long lines are made before others have their turn."""


_END: Final = "# EOF\n"
_Families = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
_KINDS: Final[Mapping[str, type[_Families]]] = {
    "histogram": HistogramMetricFamily,
    "counter": CounterMetricFamily,
    "gauge": GaugeMetricFamily,
}


class Exposition:
    """Renders texts, one after another. Both formats write a series alike; they differ in what is said of a metric."""

    def __init__(self) -> None:
        self._metrics = {metric.name: _Lines(metric) for metric in METRICS}

    async def render(self, series: Mapping[str, Series], form: TextForm) -> bytes:
        """Return the series in the order of the table of metrics; a metric without any is left out."""
        parts, began = [], time.perf_counter()
        for metric in METRICS:
            found = series.get(metric.name)
            if not found:
                continue
            parts.append(_head(metric, form))
            lines = self._metrics[metric.name]
            lines.forget(found)
            for labels, vector in found.items():
                parts.append(lines.of(labels, vector))
                if time.perf_counter() - began > AT_ONCE_SECONDS:
                    await asyncio.sleep(0)
                    began = time.perf_counter()
        if form == "openmetrics":
            parts.append(_END)
        return "".join(parts).encode()


class _Lines:
    """The lines of one metric's series, as they were made last."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric
        self._starts: dict[Labels, list[str]] = {}
        self._made: dict[Labels, tuple[Vector, str]] = {}

    def of(self, labels: Labels, vector: Vector) -> str:
        """Return the lines of a series."""
        made = self._made.get(labels)
        if made is not None and made[0] == vector:
            return made[1]
        starts = self._starts.get(labels)
        if starts is None:
            starts = self._starts[labels] = _starts(self._metric, labels)
        values = [*accumulate(vector[:-1]), sum(vector[:-1]), vector[-1]] if len(vector) > 1 else vector
        lines = "".join([f"{start}{_written(value)}\n" for start, value in zip(starts, values, strict=True)])
        self._made[labels] = (vector, lines)
        return lines

    def forget(self, series: Series) -> None:
        """Forget those that there are none of any more."""
        for labels in self._made.keys() - series.keys():
            del self._made[labels], self._starts[labels]


class _Registry:
    """What prometheus-client makes a text of: one family."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> Iterable[Family]:
        """Return the family."""
        return [self._family]


@cache
def _head(metric: Metric, form: TextForm) -> str:
    """Return what is said of a metric before its series."""
    registry = _Registry(_family(metric))
    if form == "prometheus":
        return generate_latest(registry).decode()
    text: bytes = generate_openmetrics(registry)  # type: ignore[no-untyped-call]  # the one half without types
    return text.decode().removesuffix(_END)


def _starts(metric: Metric, labels: Labels) -> list[str]:
    """Return what stands before each value of a series: the name of the sample and its labels."""
    family = _family(metric)
    if isinstance(family, HistogramMetricFamily):
        bounds = [*map(str, metric.bounds), "+Inf"]
        family.add_metric(labels, [(bound, 0.0) for bound in bounds], 0.0)
    else:
        family.add_metric(labels, 0.0)
    lines = generate_latest(_Registry(family)).decode().split("\n")
    return [f"{line.rpartition(' ')[0]} " for line in lines if line and not line.startswith("#")]


def _written(value: float) -> str:
    if 0 <= value < FLOATS_ALIKE:
        return repr(float(value))
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]  # as above
    return text


def _family(metric: Metric) -> _Families:
    """Return the metric without series."""
    name = metric.name.removesuffix("_total")
    return _KINDS[metric.kind](name, metric.help, labels=metric.labels, unit=metric.unit)

"""Text for Prometheus, in its own format (version 0.0.4) or OpenMetrics 1.0, made from the totals and gauges.

Most series are as they were at the last scrape: the lines of each are kept and made anew only when its values have
changed, so that thousands of them take a few milliseconds, in which the event loop is let go on.
"""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final, Literal

from services.metrics.core.metric import Metric
from services.metrics.core.names import METRICS
from services.metrics.core.totals import Labels, Series, Vector

TextForm = Literal["prometheus", "openmetrics"]

AT_ONCE: Final = 50
"""Series whose lines are made before others have their turn: a millisecond at most."""


class Exposition:
    """Renders texts, one after another. Both formats write a series alike; they differ in what is said of a metric."""

    def __init__(self) -> None:
        self._metrics = {metric.name: _Lines(metric) for metric in METRICS}

    async def render(self, series: Mapping[str, Series], form: TextForm) -> bytes:
        """Return the series in the order of the table of metrics; a metric without any is left out."""
        parts = []
        for metric in METRICS:
            found = series.get(metric.name)
            if not found:
                continue
            parts.append(_head(metric, form))
            lines = self._metrics[metric.name]
            lines.forget(found)
            for number, (labels, vector) in enumerate(found.items()):
                if number % AT_ONCE == 0:
                    await asyncio.sleep(0)
                parts.append(lines.of(labels, vector))
        if form == "openmetrics":
            parts.append("# EOF\n")
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
            starts = self._starts[labels] = list(_starts(self._metric, labels))
        values = [*accumulate(vector[:-1]), sum(vector[:-1]), vector[-1]] if len(vector) > 1 else vector
        lines = "".join([f"{start}{_number(value)}\n" for start, value in zip(starts, values, strict=True)])
        self._made[labels] = (vector, lines)
        return lines

    def forget(self, series: Series) -> None:
        """Forget those that there are none of any more."""
        for labels in self._made.keys() - series.keys():
            del self._made[labels], self._starts[labels]


def _head(metric: Metric, form: TextForm) -> str:
    if form == "prometheus":
        return f"# HELP {metric.name} {_escaped(metric.help)}\n# TYPE {metric.name} {metric.kind}\n"
    family = metric.name.removesuffix("_total")
    unit = f"# UNIT {family} {metric.unit}\n" if metric.unit else ""
    said = _escaped(metric.help).replace('"', r"\"")
    return f"# HELP {family} {said}\n# TYPE {family} {metric.kind}\n{unit}"


def _starts(metric: Metric, labels: Labels) -> Iterator[str]:
    """Yield what stands before each value of a series: the name of the sample and its labels."""
    pairs = [f'{name}="{_quoted(value)}"' for name, value in zip(metric.labels, labels, strict=True)]
    plain = f"{{{','.join(pairs)}}}" if pairs else ""
    if metric.kind != "histogram":
        yield f"{metric.name}{plain} "
        return
    for bound in (*map(str, metric.bounds), "+Inf"):
        among = ",".join([*pairs, f'le="{bound}"'])
        yield f"{metric.name}_bucket{{{among}}} "
    yield f"{metric.name}_count{plain} "
    yield f"{metric.name}_sum{plain} "


def _number(value: float) -> str:
    """Return a value in both formats' spelling; whole numbers without a fraction."""
    return repr(value).removesuffix(".0")


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _quoted(text: str) -> str:
    return _escaped(text).replace('"', r"\"")

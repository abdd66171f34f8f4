"""What a process measures of itself: cumulative histograms, counters and gauges, sent once a second in one batch."""

import asyncio
import math
import secrets
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import ClassVar

import msgspec

from shared.contracts.errors import Unavailable
from shared.contracts.streams import TIMINGS
from shared.contracts.timings import BUCKETS, MAX_RAW, Counter, Gauge, Histogram, TimingBatch, bounds_of
from shared.runtime.bus.writer import Answer, StreamWriter

SEND_SECONDS = 1.0
# A stall is noticed when the loop is due to wake up in it: by every one that lasts as long, by half of half as long.
LAG_SECONDS = 0.1
# A batch names only what changed; every tenth names all, so that a lost batch is made good and a restarted reader
# learns everything.
FULL_EVERY = 10
KEPT = 10_000
HTTP_DURATION = "http_request_duration"
REMOVED = "retention_removed"
"""The counter of what was removed because it was too old, by `what`."""

Labels = tuple[tuple[str, str], ...]


class Series:
    """One histogram of one process: a count per bucket and one above, the sum in seconds, and if either has changed."""

    __slots__ = ("bounds", "changed", "counts", "labels", "name", "total")

    def __init__(self, name: str, labels: dict[str, str]) -> None:
        self.name = name
        self.labels = labels
        self.bounds = bounds_of(name)
        self.counts = [0] * (len(self.bounds) + 1)
        self.total = 0.0
        self.changed = False

    def add(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.total += seconds
        self.changed = True


class Timings:
    """Collects in memory; `run` sends. Names and labels are those of the metrics service's table.

    `refused` is why the bus did not take the last batch, or None. `measures` tells it from what takes its place in a
    process that measures nothing (`shared.runtime.unmeasured`).
    """

    measures: ClassVar[bool] = True

    def __init__(self, service: str, instance: str) -> None:
        self._service = service
        self._instance = instance
        self._boot = secrets.token_hex(8)
        self._started_at = time.time()
        self._sequence = 0
        self._histograms: dict[tuple[str, Labels], Series] = {}
        self._counters: dict[tuple[str, Labels], float] = {}
        self._gauges: dict[str, Callable[[], float]] = {}
        self._counter_sources: list[Callable[[], list[Counter]]] = []
        self._gauge_sources: list[Callable[[], list[Gauge]]] = []
        self._changed: set[tuple[str, Labels]] = set()
        self._told: dict[tuple[str, Labels], float] = {}
        self._stages: dict[str, Series] = {}
        self._ended = False
        self._recent: deque[float] = deque(maxlen=MAX_RAW)
        self.refused: BaseException | None = None

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Count one duration in the histogram `name` with these labels."""
        self.series(name, **labels).add(seconds)

    def series(self, name: str, **labels: str) -> Series:
        """Return the histogram `name` with these labels: finding it costs more than counting in it."""
        key = (name, tuple(labels.items()))
        found = self._histograms.get(key)
        if found is None:
            found = self._histograms[key] = Series(name, labels)
        return found

    def observe_http(self, seconds: float, *, method: str, route: str, status: str) -> None:
        """Count one HTTP request, and keep its raw duration for the percentiles over the last thousand."""
        self.observe_in(self.http_series(method=method, route=route, status=status), seconds)

    def http_series(self, *, method: str, route: str, status: str) -> Series:
        """Return the histogram of HTTP requests with these labels."""
        return self.series(HTTP_DURATION, method=method, route=route, status=status)

    def observe_in(self, series: Series, seconds: float) -> None:
        """Do what `observe_http` does, with its histogram at hand."""
        series.counts[bisect_left(BUCKETS, seconds)] += 1  # as `Series.add`, whose call would be a third of this
        series.total += seconds
        series.changed = True
        self._recent.append(seconds)

    def observe_stages(self, stages: Mapping[str, float]) -> None:
        """Count the seconds that each stage of one request took."""
        for stage, seconds in stages.items():
            found = self._stages.get(stage)
            if found is None:
                found = self._stages[stage] = self.series("stage_duration", stage=stage)
            found.add(max(0.0, seconds))  # where a stage is a difference of two times

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Raise the counter `name` with these labels."""
        key = (name, tuple(labels.items()))
        self._counters[key] = self._counters.get(key, 0) + amount
        self._changed.add(key)

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Report `read()` with every batch."""
        self._gauges[name] = read

    def counters_from(self, source: Callable[[], list[Counter]]) -> None:
        """Report cumulative counters kept elsewhere with every batch."""
        self._counter_sources.append(source)

    def gauges_from(self, source: Callable[[], list[Gauge]]) -> None:
        """Report gauges kept elsewhere, with their labels, with every batch."""
        self._gauge_sources.append(source)

    def batch(self, *, last: bool = False) -> TimingBatch:
        """Return what changed since the last batch; every FULL_EVERY batches, and in the `last` one, everything."""
        full = last or self._sequence % FULL_EVERY == 0
        self._sequence += 1
        changed, self._changed = self._changed, set()
        recent, self._recent = [round(seconds, 6) for seconds in self._recent], deque(maxlen=MAX_RAW)
        return TimingBatch(
            service=self._service,
            instance=self._instance,
            boot=self._boot,
            sequence=self._sequence,
            at=time.time(),
            started_at=self._started_at,
            histograms=[
                Histogram(name=series.name, labels=series.labels, counts=list(series.counts), total=series.total)
                for series in self._histograms.values()
                if _taken(series) or full
            ],
            counters=[
                Counter(name=key[0], labels=dict(key[1]), value=value)
                for key, value in self._counters.items()
                if full or key in changed
            ]
            + [
                counter
                for source in self._counter_sources
                for counter in source()
                if self._has_changed(counter) or full
            ],
            gauges=[*_finite(self._own_gauges()), *_finite(g for source in self._gauge_sources for g in source())],
            recent=recent,
            last=last,
        )

    def _has_changed(self, counter: Counter) -> bool:
        """Say whether a counter that is kept elsewhere has changed since it was last asked."""
        key = (counter.name, tuple(counter.labels.items()))
        changed = self._told.get(key) != counter.value
        self._told[key] = counter.value
        return changed

    def _own_gauges(self) -> Iterable[Gauge]:
        return (Gauge(name=name, labels={}, value=read()) for name, read in self._gauges.items())

    async def run(self, writer: StreamWriter) -> None:
        """Send a batch a second until cancelled; the loop's own lateness is measured on the way."""
        loop = asyncio.get_running_loop()
        lag = self.series("event_loop_lag")
        send_at = loop.time() + SEND_SECONDS
        while True:
            due = loop.time() + LAG_SECONDS
            await asyncio.sleep(LAG_SECONDS)
            now = loop.time()
            lag.add(max(0.0, now - due))
            if now >= send_at:
                self.send(writer)
                send_at = max(send_at + SEND_SECONDS, now)

    def send(self, writer: StreamWriter, *, last: bool = False) -> None:
        """Post one batch, and none any more after the `last`.

        Every process writes one every second, so that `refused` tells whether the bus takes any.
        """
        if self._ended:
            return
        self._ended = last
        batch = msgspec.json.encode(self.batch(last=last))
        try:
            sent = writer.submit("XADD", TIMINGS, "MAXLEN", "~", KEPT, "*", "batch", batch)
        except Unavailable as error:
            self.refused = error
        else:
            sent.add_done_callback(self._note)

    def _note(self, sent: asyncio.Future[Answer]) -> None:
        self.refused = None if sent.cancelled() else sent.exception()


def _taken(series: Series) -> bool:
    """Say whether it has changed since it was last asked."""
    changed, series.changed = series.changed, False
    return changed


def _finite(gauges: Iterable[Gauge]) -> Iterable[Gauge]:
    """Leave out what is no number: JSON has no word for it, and the rest of the batch would be lost with it."""
    return (gauge for gauge in gauges if math.isfinite(gauge.value))

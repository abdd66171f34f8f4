"""What each process reports of itself, once a second, on the timings stream."""

from shared.contracts.values import Value

# Seconds. Prometheus' classic buckets, finer below 5 ms: an answer from a process's own cache takes some 0.05 ms.
BUCKETS: tuple[float, ...] = (
    0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip

# Seconds, for the work of minutes and hours that workers do.
LONG_BUCKETS: tuple[float, ...] = (
    0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0,
)  # fmt: skip

_LONG = frozenset({"job_duration", "job_stage_duration"})

MAX_RAW = 1000


def bounds_of(name: str) -> tuple[float, ...]:
    """Return the upper bounds of the buckets of the histogram that is reported under this name, in seconds."""
    return LONG_BUCKETS if name in _LONG else BUCKETS


class Histogram(Value, frozen=True, kw_only=True):
    """A cumulative histogram since the process started: one count per bucket and one above, and the sum in seconds."""

    name: str
    labels: dict[str, str]
    counts: list[int]
    total: float


class Counter(Value, frozen=True, kw_only=True):
    """A cumulative count since the process started."""

    name: str
    labels: dict[str, str]
    value: float


class Gauge(Value, frozen=True, kw_only=True):
    """A value as it was when the batch was made."""

    name: str
    labels: dict[str, str]
    value: float


class TimingBatch(Value, frozen=True, kw_only=True):
    """What changed in one process. Cumulative values make late, lost and doubled batches harmless.

    `boot` tells one life of an instance from the next, `sequence` grows by one a batch, `at` is Unix seconds.
    `recent` holds raw HTTP durations in seconds since the last batch, the newest MAX_RAW at most. One that is `last`
    names everything, and none follows it: the process has come to its end.
    """

    service: str
    instance: str
    boot: str
    sequence: int
    at: float
    started_at: float
    histograms: list[Histogram] = []
    counters: list[Counter] = []
    gauges: list[Gauge] = []
    recent: list[float] = []
    last: bool = False

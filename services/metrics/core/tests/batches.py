"""Batches as processes send them, with only what a test cares about."""

from collections.abc import Mapping, Sequence

from shared.contracts.timings import Counter, Gauge, Histogram, TimingBatch, bounds_of

HTTP = {"method": "GET", "route": "/api/v1/strategies", "status": "200"}


def batch(
    sequence: int = 1,
    *,
    service: str = "gateway",
    instance: str = "gateway-1",
    boot: str = "first",
    at: float = 1000.0,
    started_at: float = 990.0,
    histograms: Sequence[Histogram] = (),
    counters: Sequence[Counter] = (),
    gauges: Sequence[Gauge] = (),
    recent: Sequence[float] = (),
    last: bool = False,
) -> TimingBatch:
    """A batch of the gateway's first process unless said otherwise."""
    return TimingBatch(
        service=service,
        instance=instance,
        boot=boot,
        sequence=sequence,
        at=at,
        started_at=started_at,
        histograms=list(histograms),
        counters=list(counters),
        gauges=list(gauges),
        recent=list(recent),
        last=last,
    )


def http(seconds: Sequence[float], **labels: str) -> Histogram:
    """The histogram of these HTTP durations."""
    return histogram("http_request_duration", {**HTTP, **labels}, seconds)


def histogram(name: str, labels: Mapping[str, str], seconds: Sequence[float]) -> Histogram:
    """The histogram of these durations."""
    bounds = bounds_of(name)
    counts = [0] * (len(bounds) + 1)
    for value in seconds:
        counts[next((place for place, bound in enumerate(bounds) if value <= bound), len(bounds))] += 1
    return Histogram(name=name, labels=dict(labels), counts=counts, total=sum(seconds))


def hits(value: float, kind: str = "strategy") -> Counter:
    """The counter of cache hits."""
    return Counter(name="cache_hits", labels={"type": kind}, value=value)


def memory(value: float) -> Gauge:
    """The gauge of resident memory, in bytes."""
    return Gauge(name="process_resident_memory_bytes", labels={}, value=value)

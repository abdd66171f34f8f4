"""What was found, as it is printed and written: one set of figures for all forms of the report."""

import math
from typing import Any, Literal

import msgspec

from cli.load.histogram import Histogram
from cli.load.processes import ServerUse
from cli.load.tally import Part, Tally
from cli.load.targets import Grade, Target

BUSY = 0.9
"""The share of a processor from which on the load itself is at its end."""
LATE_SECONDS, LATE_SHARE = 0.001, 0.25
"""What the load itself may be late in 19 of 20 requests: a millisecond, or this share of their latency."""
_STEPS = (1, 2, 5)


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Milliseconds from the moment a request was due."""

    average_ms: float
    median_ms: float
    min_ms: float
    max_ms: float
    p95_ms: float
    p99_ms: float


class Bar(msgspec.Struct, frozen=True):
    """So many requests took `from_ms` and less than `to_ms`."""

    from_ms: float
    to_ms: float
    requests: int


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a scenario that sends several kinds of requests."""

    name: str
    total: int
    failed: int
    median_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Generator(msgspec.Struct, frozen=True, kw_only=True):
    """How the load itself was: how late it sent what it could have sent, and the share of a processor it used.

    `bottleneck` says why the figures are of the load rather than of the platform; empty when they are not.
    """

    late_median_ms: float
    late_p95_ms: float
    late_max_ms: float
    processor_percent: float
    bottleneck: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """Of one scenario. `success_rate` is a fraction, `rate` what was due in a second.

    `missed` is what of the required target was not met, `missed_ours` of ours. `server` is None, and `server_unknown`
    says why, when the platform's processes cannot be told.
    """

    scenario: str
    title: str
    rate: float
    seconds: float
    users: int
    connections: int
    total: int
    successful: int
    failed: int
    success_rate: float
    requests_per_second: float
    latency: Latency | None
    histogram: list[Bar]
    kinds: list[Kind]
    failures: dict[str, int]
    lost_connections: int
    generator: Generator
    server: ServerUse | None
    server_unknown: str
    required: Target
    ours: Target
    missed: list[str]
    missed_ours: list[str]
    grade: Grade


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One rate of a ramp, and whether it was held.

    `platform_percent` and `others_percent` are of the machine, None where they are not known.
    """

    rate: float
    requests_per_second: float
    success_rate: float
    median_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    platform_percent: float | None
    others_percent: float | None
    held: bool
    why: str


class Ramp(msgspec.Struct, frozen=True, kw_only=True):
    """The highest rate of the mixed load that was held, and what ended it: the platform, the load, or its bound."""

    knee: float
    ended_by: str
    steps: list[Step]
    required: float
    ours: float
    grade: Grade


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    """Of all Python processes after the load, in 2^20 bytes; `bound_mb` is asked of one gateway with one worker."""

    pss_mb: float
    bound_mb: float
    asked: bool

    @property
    def missed(self) -> bool:
        """Whether it is more than is asked."""
        return self.asked and self.pss_mb > self.bound_mb


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a run. `machine` is the load's, `version` the platform's.

    `format` is raised when a field is taken away or means something else; further fields may come without that.
    """

    format: Literal[1] = 1
    url: str
    version: str
    began_at: str
    machine: str
    load_average: float
    results: list[Result]
    ramp: Ramp | None
    memory: Memory | None
    left: list[str]
    grade: Grade


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a report as it is written."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Report)}


def latency_of(histogram: Histogram) -> Latency | None:
    """Return the figures in milliseconds; None of nothing."""
    if not histogram.count:
        return None
    return Latency(
        average_ms=_ms(histogram.mean),
        median_ms=_ms(histogram.quantile(0.5)),
        min_ms=_ms(histogram.least),
        max_ms=_ms(histogram.greatest),
        p95_ms=_ms(histogram.quantile(0.95)),
        p99_ms=_ms(histogram.quantile(0.99)),
    )


def bars_of(histogram: Histogram) -> list[Bar]:
    """Return it in steps of 1, 2, 5, 10, ... milliseconds, from the first that holds something to the last."""
    if not histogram.count:
        return []
    first = math.floor(math.log10(max(histogram.least, 1e-6)))
    last = math.ceil(math.log10(max(histogram.greatest, 1e-6))) + 1
    bounds = [step * 10.0**power for power in range(first, last) for step in _STEPS]
    edges = [0.0, *bounds, math.inf]
    found = list(zip(edges[:-1], edges[1:], histogram.between(bounds), strict=True))
    holding = [number for number, (_, _, count) in enumerate(found) if count]
    return [Bar(_ms(low), _ms(high), count) for low, high, count in found[holding[0] : holding[-1] + 1]]


def kinds_of(tally: Tally) -> list[Kind]:
    """Return the parts, when there is more than one."""
    if len(tally.parts) < 2:
        return []
    return [_kind(name, part) for name, part in sorted(tally.parts.items())]


def _kind(name: str, part: Part) -> Kind:
    latency = latency_of(part.latencies)
    return Kind(
        name=name,
        total=part.total,
        failed=part.wrong,
        median_ms=latency.median_ms if latency else None,
        p95_ms=latency.p95_ms if latency else None,
        p99_ms=latency.p99_ms if latency else None,
    )


def generator_of(tally: Tally, latencies: Histogram, processor_share: float) -> Generator:
    """Return how the load itself was."""
    late = latency_of(tally.lateness)
    return Generator(
        late_median_ms=late.median_ms if late else 0.0,
        late_p95_ms=late.p95_ms if late else 0.0,
        late_max_ms=late.max_ms if late else 0.0,
        processor_percent=round(100 * processor_share, 1),
        bottleneck=bottleneck(tally.lateness, latencies, processor_share),
    )


def bottleneck(lateness: Histogram, latencies: Histogram, processor_share: float) -> str:
    """Return why the figures are the load's own, or nothing."""
    if processor_share > BUSY:
        return f"the load itself used {processor_share:.0%} of a processor, all that it can"
    if not lateness.count or not latencies.count:
        return ""
    late, took = lateness.quantile(0.95), latencies.quantile(0.95)
    if late > max(LATE_SECONDS, LATE_SHARE * took):
        return f"the load itself was up to {_ms(late):.1f} ms late in 19 of 20 requests that took {_ms(took):.1f} ms"
    return ""


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 4) if math.isfinite(seconds) else seconds

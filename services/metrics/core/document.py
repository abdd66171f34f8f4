"""The JSON form of the metrics. Percentages are 0-100, times milliseconds; without any requests times are 0."""

from collections import defaultdict
from collections.abc import Iterable

from services.metrics.core.aggregate import ServiceState, Snapshot
from services.metrics.core.cache_names import CACHE_HITS, CACHE_MISSES, L1_HITS
from services.metrics.core.metric import Metric
from services.metrics.core.names import HTTP_ANSWERS, RPC_SERVED
from services.metrics.core.process_names import MEMORY
from services.metrics.core.quantiles import histogram_quantile, nearest_rank
from services.metrics.core.totals import Vector
from shared.contracts.errors import BY_KIND
from shared.contracts.values import Value

MIB = 1024 * 1024


class Machine(Value, frozen=True, kw_only=True):
    """The machine the metrics service runs on: all its processors and all its memory, whoever uses them."""

    cpu_percent: float = 0.0
    memory_mb: float = 0.0
    memory_percent: float = 0.0


class CacheServer(Value, frozen=True, kw_only=True):
    """The cache server as the metrics service found it last; figures are None while it does not answer."""

    enabled: bool
    connected: bool = False
    memory_bytes: int | None = None
    keys: int | None = None


class ResponseTimes(Value, frozen=True, kw_only=True):
    """Of HTTP requests: of the last 1,000 exactly, of the last minute as the buckets of their histogram tell it."""

    avg_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float


class Cache(Value, frozen=True, kw_only=True):
    """The cache server, and how often reads found what they wanted in the cache, the gateways' own or the server's."""

    enabled: bool
    connected: bool
    used_memory: str | None
    total_keys: int | None
    hits: int
    misses: int
    hit_rate: float


class Service(Value, frozen=True, kw_only=True):
    """One service: HTTP requests for the gateway, requests from the bus for the others; errors are its own faults."""

    up: bool
    processes: int
    uptime_seconds: float
    memory_mb: float
    requests: int
    errors: int
    avg_ms: float
    p95_ms: float


class Route(Value, frozen=True, kw_only=True):
    """One route template. `errors` are answers of 500 and above."""

    method: str
    route: str
    count: int
    avg_ms: float
    p95_ms: float
    errors: int


class Document(Value, frozen=True, kw_only=True):
    """What GET /metrics answers to those who ask for JSON."""

    uptime_seconds: float
    request_count: int
    requests_per_second: float
    response_times: ResponseTimes
    response_times_last_minute: ResponseTimes
    system: Machine
    cache: Cache
    services: dict[str, Service]
    routes: list[Route]


class Observed:
    """Series of a histogram added up, and those of them that count as errors."""

    def __init__(self) -> None:
        self._vector: Vector = []
        self.errors = 0

    def add(self, vector: Vector, *, is_error: bool) -> None:
        """Add one series."""
        self._vector = [a + b for a, b in zip(self._vector, vector, strict=True)] if self._vector else vector
        self.errors += int(sum(vector[:-1])) if is_error else 0

    @property
    def count(self) -> int:
        """How many observations there are."""
        return int(sum(self._vector[:-1]))

    @property
    def avg_ms(self) -> float:
        """Their mean."""
        return _ms(self._vector[-1] / self.count) if self.count else 0.0

    @property
    def p95_ms(self) -> float:
        """Their 95th percentile, as the buckets tell it."""
        return _ms(histogram_quantile(self._vector[:-1], 0.95))


def document(snapshot: Snapshot, machine: Machine, cache: CacheServer) -> Document:
    """Return the JSON form of what was measured."""
    routes = _routes(snapshot)
    return Document(
        uptime_seconds=round(snapshot.uptime, 3),
        request_count=sum(route.count for route in routes),
        requests_per_second=round(snapshot.rate, 3),
        response_times=_response_times(snapshot.durations),
        response_times_last_minute=_response_times_in(snapshot.last_minute),
        system=machine,
        cache=_cache(snapshot, cache),
        services=_services(snapshot),
        routes=routes,
    )


def _response_times(durations: list[float]) -> ResponseTimes:
    ascending = sorted(durations)
    return ResponseTimes(
        avg_ms=_ms(sum(ascending) / len(ascending)) if ascending else 0.0,
        p50_ms=_ms(nearest_rank(ascending, 0.50)),
        p95_ms=_ms(nearest_rank(ascending, 0.95)),
        p99_ms=_ms(nearest_rank(ascending, 0.99)),
    )


def _response_times_in(histogram: Vector) -> ResponseTimes:
    count, counts = sum(histogram[:-1]), histogram[:-1]
    return ResponseTimes(
        avg_ms=_ms(histogram[-1] / count) if count else 0.0,
        p50_ms=_ms(histogram_quantile(counts, 0.50)),
        p95_ms=_ms(histogram_quantile(counts, 0.95)),
        p99_ms=_ms(histogram_quantile(counts, 0.99)),
    )


def _cache(snapshot: Snapshot, server: CacheServer) -> Cache:
    hits, misses = _sum(snapshot, L1_HITS) + _sum(snapshot, CACHE_HITS), _sum(snapshot, CACHE_MISSES)
    return Cache(
        enabled=server.enabled,
        connected=server.connected,
        used_memory=None if server.memory_bytes is None else f"{server.memory_bytes / MIB:.1f}MB",
        total_keys=server.keys,
        hits=hits,
        misses=misses,
        hit_rate=round(100 * hits / (hits + misses), 2) if hits + misses else 0.0,
    )


def _routes(snapshot: Snapshot) -> list[Route]:
    observed: dict[tuple[str, str], Observed] = defaultdict(Observed)
    for (method, route, status), vector in _series(snapshot, HTTP_ANSWERS):
        observed[route, method].add(vector, is_error=status.startswith("5"))
    return [
        Route(method=method, route=route, count=seen.count, avg_ms=seen.avg_ms, p95_ms=seen.p95_ms, errors=seen.errors)
        for (route, method), seen in sorted(observed.items())
    ]


def _services(snapshot: Snapshot) -> dict[str, Service]:
    observed: dict[str, Observed] = defaultdict(Observed)
    for (_, _, status), vector in _series(snapshot, HTTP_ANSWERS):
        observed["gateway"].add(vector, is_error=status.startswith("5"))
    for (service, _, outcome), vector in _series(snapshot, RPC_SERVED):
        observed[service].add(vector, is_error=outcome in BY_KIND and BY_KIND[outcome].status >= 500)
    memory: dict[str, float] = defaultdict(float)
    for (service, _), vector in _series(snapshot, MEMORY):
        memory[service] += vector[0]
    return {name: _service(state, observed[name], memory[name]) for name, state in sorted(snapshot.services.items())}


def _service(state: ServiceState, observed: Observed, memory_bytes: float) -> Service:
    return Service(
        up=state.processes > 0,
        processes=state.processes,
        uptime_seconds=round(state.uptime, 3),
        memory_mb=round(memory_bytes / MIB, 1),
        requests=observed.count,
        errors=observed.errors,
        avg_ms=observed.avg_ms,
        p95_ms=observed.p95_ms,
    )


def _series(snapshot: Snapshot, metric: Metric) -> Iterable[tuple[tuple[str, ...], Vector]]:
    return snapshot.series.get(metric.name, {}).items()


def _sum(snapshot: Snapshot, metric: Metric) -> int:
    return int(sum(vector[0] for _, vector in _series(snapshot, metric)))


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)

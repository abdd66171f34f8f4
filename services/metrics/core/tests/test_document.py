"""The JSON form of the metrics: the fields of the contract, and sensible ones when nothing has happened."""

import json
import math

import msgspec
import pytest

from services.metrics.core.aggregate import Aggregate
from services.metrics.core.document import CacheServer, Machine, document
from services.metrics.core.tests.batches import batch, histogram, hits, http, memory
from shared.contracts.timings import Counter

MACHINE = Machine(cpu_percent=12.5, memory_mb=2048.0, memory_percent=25.0)
CACHE = CacheServer(enabled=True, connected=True, memory_bytes=2_621_440, keys=7)


def form(aggregate: Aggregate, cache: CacheServer = CACHE) -> dict[str, object]:
    """The JSON form, as a client reads it."""

    def no_nan(name: str) -> float:
        raise AssertionError(f"{name} is no JSON")

    body = msgspec.json.encode(document(aggregate.snapshot(), MACHINE, cache))
    read: dict[str, object] = json.loads(body, parse_constant=no_nan)
    return read


def test_an_empty_system_has_every_field() -> None:
    """Zeros for what can be counted, null for what nobody can know, and no division by nothing."""
    empty = form(Aggregate(), CacheServer(enabled=True))
    nothing = {"up": False, "processes": 0, "uptime_seconds": 0.0, "memory_mb": 0.0}
    nothing |= {"requests": 0, "errors": 0, "avg_ms": 0.0, "p95_ms": 0.0}
    assert empty == {
        "uptime_seconds": 0.0,
        "request_count": 0,
        "requests_per_second": 0.0,
        "response_times": {"avg_ms": 0.0, "p50_ms": 0.0, "p95_ms": 0.0, "p99_ms": 0.0},
        "response_times_last_minute": {"avg_ms": 0.0, "p50_ms": 0.0, "p95_ms": 0.0, "p99_ms": 0.0},
        "system": {"cpu_percent": 12.5, "memory_mb": 2048.0, "memory_percent": 25.0},
        "cache": {
            "enabled": True,
            "connected": False,
            "used_memory": None,
            "total_keys": None,
            "hits": 0,
            "misses": 0,
            "hit_rate": 0.0,
        },
        "services": dict.fromkeys(("backtest", "gateway", "invalidator", "metrics", "strategy"), nothing),
        "routes": [],
    }


def test_response_times_are_of_the_raw_durations() -> None:
    """In milliseconds, by nearest rank."""
    aggregate = Aggregate()
    aggregate.apply(batch(recent=[n / 1000 for n in range(1, 101)]), 1)
    assert form(aggregate)["response_times"] == {"avg_ms": 50.5, "p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0}


def test_those_of_the_last_minute_are_of_its_histogram() -> None:
    """As its buckets tell them; what was before is not in it."""
    aggregate = Aggregate()
    aggregate.apply(batch(1, histograms=[http([9.0] * 50)], recent=[9.0] * 50), 100)
    durations = [9.0] * 50 + [0.2] * 90 + [0.4] * 10
    aggregate.apply(batch(2, histograms=[http(durations)], recent=[0.2]), 200)
    told = form(aggregate)["response_times_last_minute"]
    assert told == {"avg_ms": 220.0, "p50_ms": pytest.approx(183.333), "p95_ms": 375.0, "p99_ms": 475.0}


def test_routes_add_up_their_statuses() -> None:
    """Errors are the service's own; a client's mistakes are requests like any other."""
    aggregate = Aggregate()
    ok, missing, broken = http([0.01] * 6), http([0.01] * 3, status="404"), http([0.04], status="503")
    other = http([0.001], method="POST", route="/api/v1/backtests", status="202")
    aggregate.apply(batch(histograms=[ok, missing, broken, other]), 1)
    read = form(aggregate)
    assert read["request_count"] == 11
    routes = read["routes"]
    assert isinstance(routes, list)
    assert [(r["method"], r["route"], r["count"], r["avg_ms"], r["errors"]) for r in routes] == [
        ("POST", "/api/v1/backtests", 1, 1.0, 0),
        ("GET", "/api/v1/strategies", 10, 13.0, 1),
    ]
    assert 25 <= routes[1]["p95_ms"] <= 50


def test_services_count_what_they_answer() -> None:
    """HTTP for the gateway, the bus for the others; refusing a bad request is no error, failing a good one is."""
    aggregate = Aggregate()
    served = [
        histogram("rpc_server_duration", {"method": "strategy.read", "outcome": outcome}, [0.002])
        for outcome in ("ok", "not-found", "validation", "internal", "unavailable", "deadline-exceeded")
    ]
    aggregate.apply(batch(instance="s", service="strategy", histograms=served, gauges=[memory(64 * 1024**2)]), 10)
    aggregate.apply(batch(instance="g", histograms=[http([0.1] * 2), http([0.1], status="500")]), 10)
    services = form(aggregate)["services"]
    assert isinstance(services, dict)
    assert services["strategy"] == {
        "up": True,
        "processes": 1,
        "uptime_seconds": 10.0,
        "memory_mb": 64.0,
        "requests": 6,
        "errors": 3,
        "avg_ms": 2.0,
        "p95_ms": pytest.approx(2.425),
    }
    assert (services["gateway"]["requests"], services["gateway"]["errors"]) == (3, 1)
    assert (services["backtest"]["up"], services["backtest"]["requests"]) == (False, 0)


def test_the_cache_is_judged_by_the_applications_own_counters() -> None:
    """Over all types and both levels; the rate is 0-100, memory is text."""
    aggregate = Aggregate()
    misses = Counter(name="cache_misses", labels={"type": "user"}, value=1)
    own = Counter(name="cache_l1_hits", labels={"type": "user"}, value=1)
    aggregate.apply(batch(counters=[hits(1), hits(1, "user"), own, misses]), 1)
    assert form(aggregate)["cache"] == {
        "enabled": True,
        "connected": True,
        "used_memory": "2.5MB",
        "total_keys": 7,
        "hits": 3,
        "misses": 1,
        "hit_rate": 75.0,
    }


def test_a_cache_that_is_off_says_so() -> None:
    """It is not connected, and has no memory and no keys."""
    cache = form(Aggregate(), CacheServer(enabled=False))["cache"]
    assert isinstance(cache, dict)
    assert [cache[name] for name in ("enabled", "connected", "used_memory", "total_keys")] == [False, False, None, None]


def test_times_without_end_do_not_break_the_form() -> None:
    """A duration above every bucket is reported as the highest bound, not as infinity."""
    aggregate = Aggregate()
    aggregate.apply(batch(histograms=[http([1e9])]), 1)
    routes = form(aggregate)["routes"]
    assert isinstance(routes, list)
    assert math.isfinite(routes[0]["p95_ms"])

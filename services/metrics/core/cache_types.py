"""How the cache is used, by object type, from the series that processes report."""

from collections import defaultdict

from services.metrics.core.aggregate import Snapshot
from services.metrics.core.names import (
    CACHE_BYPASSES,
    CACHE_FILLS,
    CACHE_FILLS_REFUSED,
    CACHE_HITS,
    CACHE_MISSES,
    INVALIDATIONS,
    Metric,
)
from shared.contracts.cache_messages import CachedType


def cached_types(snapshot: Snapshot) -> list[CachedType]:
    """Return every type that was read, filled or invalidated, by name."""
    hits, misses, fills, invalidations = (
        _by_type(snapshot, metric) for metric in (CACHE_HITS, CACHE_MISSES, CACHE_FILLS, INVALIDATIONS)
    )
    bypasses, refused = _by_reason(snapshot, CACHE_BYPASSES), _by_reason(snapshot, CACHE_FILLS_REFUSED)
    return [
        CachedType(
            type=name,
            hits=hits.get(name, 0),
            misses=misses.get(name, 0),
            hit_rate=hit_rate(hits.get(name, 0), misses.get(name, 0)),
            fills=fills.get(name, 0),
            invalidations=invalidations.get(name, 0),
            bypasses=bypasses.get(name, {}),
            fills_refused=refused.get(name, {}),
        )
        for name in sorted({*hits, *misses, *fills, *invalidations, *bypasses, *refused})
    ]


def hit_rate(hits: int, misses: int) -> float | None:
    """Return the share of hits, None of nothing."""
    return hits / (hits + misses) if hits + misses else None


def _by_type(snapshot: Snapshot, metric: Metric) -> dict[str, int]:
    return {name: int(vector[0]) for (name,), vector in snapshot.series.get(metric.name, {}).items()}


def _by_reason(snapshot: Snapshot, metric: Metric) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for (name, reason), vector in snapshot.series.get(metric.name, {}).items():
        found[name][reason] = int(vector[0])
    return dict(found)

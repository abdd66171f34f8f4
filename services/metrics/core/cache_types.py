"""How the cache is used, by object type, from the series that processes report."""

from collections import defaultdict

from services.metrics.core.aggregate import Snapshot
from services.metrics.core.cache_names import (
    CACHE_BYPASSES,
    CACHE_FILLS,
    CACHE_FILLS_REFUSED,
    CACHE_HITS,
    CACHE_MISSES,
    CACHE_STATE,
    INVALIDATIONS,
    L1_HITS,
)
from services.metrics.core.metric import Metric
from services.metrics.core.totals import Vector
from shared.contracts.cache_messages import CachedType, CacheState
from shared.contracts.objects import KEEPERS, Keeper


def cached_types(snapshot: Snapshot) -> list[CachedType]:
    """Return every type that was read, filled or invalidated, by name."""
    l1_hits, hits, misses, fills, invalidations = (
        _by_type(snapshot, metric) for metric in (L1_HITS, CACHE_HITS, CACHE_MISSES, CACHE_FILLS, INVALIDATIONS)
    )
    bypasses, refused = _by_reason(snapshot, CACHE_BYPASSES), _by_reason(snapshot, CACHE_FILLS_REFUSED)
    return [
        CachedType(
            type=name,
            l1_hits=l1_hits.get(name, 0),
            hits=hits.get(name, 0),
            misses=misses.get(name, 0),
            hit_rate=hit_rate(l1_hits.get(name, 0) + hits.get(name, 0), misses.get(name, 0)),
            fills=fills.get(name, 0),
            invalidations=invalidations.get(name, 0),
            bypasses=bypasses.get(name, {}),
            fills_refused=refused.get(name, {}),
        )
        for name in sorted({*l1_hits, *hits, *misses, *fills, *invalidations, *bypasses, *refused})
    ]


def cache_states(snapshot: Snapshot) -> dict[Keeper, CacheState]:
    """Return for each service that opens the cache what it has told last."""
    told = snapshot.series.get(CACHE_STATE.name, {})
    return {keeper: _state(told.get((keeper,))) for keeper in KEEPERS}


def hit_rate(hits: int, misses: int) -> float | None:
    """Return the share of hits, None of nothing."""
    return hits / (hits + misses) if hits + misses else None


def _state(told: Vector | None) -> CacheState:
    if told is None:
        return "unknown"
    return "open" if told[0] else "closed"


def _by_type(snapshot: Snapshot, metric: Metric) -> dict[str, int]:
    return {name: int(vector[0]) for (name,), vector in snapshot.series.get(metric.name, {}).items()}


def _by_reason(snapshot: Snapshot, metric: Metric) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for (name, reason), vector in snapshot.series.get(metric.name, {}).items():
        found[name][reason] = int(vector[0])
    return dict(found)

"""Counters of this process's own use of the cache, by object type."""

from dataclasses import dataclass, field, replace

from shared.cache.keys import object_type
from shared.cache.results import Bypass, FillOutcome, Hit, Lookup


@dataclass(slots=True)
class TypeCounts:
    """What happened to the objects of one type since the process began; refusals and bypasses by reason."""

    hits: int = 0
    misses: int = 0
    fills: int = 0
    invalidations: int = 0
    fills_refused: dict[str, int] = field(default_factory=dict)
    bypasses: dict[str, int] = field(default_factory=dict)


class CacheStats:
    """One per store; the store counts, metrics take a snapshot."""

    def __init__(self) -> None:
        self._types: dict[str, TypeCounts] = {}

    def looked_up(self, obj: str, result: Lookup) -> None:
        """Count one `get`."""
        counts = self._of(obj)
        if isinstance(result, Hit):
            counts.hits += 1
        elif isinstance(result, Bypass):
            counts.bypasses[result.reason] = counts.bypasses.get(result.reason, 0) + 1
        else:
            counts.misses += 1

    def filled(self, obj: str, outcome: FillOutcome) -> None:
        """Count one `fill`."""
        counts = self._of(obj)
        if outcome is FillOutcome.STORED:
            counts.fills += 1
        else:
            counts.fills_refused[outcome] = counts.fills_refused.get(outcome, 0) + 1

    def invalidated(self, obj: str) -> None:
        """Count one object of an `invalidate` that was applied."""
        self._of(obj).invalidations += 1

    def snapshot(self) -> dict[str, TypeCounts]:
        """Return a copy of the counters by object type."""
        return {
            name: replace(counts, fills_refused=dict(counts.fills_refused), bypasses=dict(counts.bypasses))
            for name, counts in self._types.items()
        }

    def _of(self, obj: str) -> TypeCounts:
        return self._types.setdefault(object_type(obj), TypeCounts())


@dataclass(slots=True)
class LocalCounts:
    """What happened to the objects of one type in this process's own cache."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0

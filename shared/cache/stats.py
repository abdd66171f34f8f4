"""Counters of this process's own use of the cache, by object type."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from shared.cache.results import Bypass, FillOutcome, Hit, Lookup, RaiseOutcome


@dataclass(slots=True)
class TypeCounts:
    """What happened to the objects of one type since the process began.

    Refusals and bypasses are by reason, raises by outcome. `orphan_floors` were of writers that died.
    """

    hits: int = 0
    misses: int = 0
    fills: int = 0
    invalidations: int = 0
    orphan_floors: int = 0
    fills_refused: dict[str, int] = field(default_factory=dict)
    bypasses: dict[str, int] = field(default_factory=dict)
    raises: dict[str, int] = field(default_factory=dict)

    @property
    def hit_rate(self) -> float | None:
        """The share of hits in the reads that asked the cache, 0 to 1; None before the first."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None


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

    def orphaned(self, obj: str) -> None:
        """Count one floor that nobody stood behind, dropped by a `fill`."""
        self._of(obj).orphan_floors += 1

    def raised(self, outcomes: Mapping[str, RaiseOutcome]) -> None:
        """Count the objects of one `raise_`."""
        for obj, outcome in outcomes.items():
            counts = self._of(obj)
            counts.raises[outcome] = counts.raises.get(outcome, 0) + 1

    def invalidated(self, obj: str) -> None:
        """Count one object of an `invalidate` that was applied."""
        self._of(obj).invalidations += 1

    def snapshot(self) -> dict[str, TypeCounts]:
        """Return a copy of the counters by object type."""
        return {
            name: replace(
                counts,
                fills_refused=dict(counts.fills_refused),
                bypasses=dict(counts.bypasses),
                raises=dict(counts.raises),
            )
            for name, counts in self._types.items()
        }

    def _of(self, obj: str) -> TypeCounts:
        kind = obj.partition(":")[0]
        counts = self._types.get(kind)
        if counts is None:
            counts = self._types[kind] = TypeCounts()
        return counts


@dataclass(slots=True)
class LocalCounts:
    """What happened to the objects of one type in this process's own cache."""

    hits: int = 0
    misses: int = 0
    evictions: int = 0

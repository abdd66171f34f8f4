"""Caches for writers to tell, and what they were told."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from shared.contracts.errors import Unavailable
from shared.runtime.raising import Policy, Raising
from shared.runtime.tests.making import at_once
from shared.runtime.timings import Timings


@dataclass
class ToldFloors:
    """A cache that notes what it is told. `before` is awaited before it answers; without `answers` it never does."""

    before: Callable[[], Awaitable[None]] = at_once
    answers: bool = True
    there: bool = True
    raised: list[dict[str, int]] = field(default_factory=list)
    taken_back: list[dict[str, int]] = field(default_factory=list)
    writers: list[str] = field(default_factory=list)

    async def raise_(self, versions: Mapping[str, int], writer: str) -> bool:
        """Note it."""
        await self.before()
        self.raised.append(dict(versions))
        self.writers.append(writer)
        if not self.answers:
            raise Unavailable("the cache server does not answer")
        return self.there

    async def take_back(self, versions: Mapping[str, int], writer: str) -> None:
        """Note it, of a writer that has raised these."""
        assert dict(versions) == self.raised[self.writers.index(writer)]
        self.taken_back.append(dict(versions))


def raising_to(floors: ToldFloors, policy: Policy = "") -> tuple[Raising, Timings]:
    """Return who raises floors there, and what counts it."""
    timings = Timings("strategy", "strategy-1")
    return Raising(floors, policy, timings), timings


def outcomes(timings: Timings) -> dict[str, float]:
    """Return how often which outcome of a raise was counted."""
    counters = timings.batch().counters
    return {each.labels["outcome"]: each.value for each in counters if each.name == "cache_raises"}

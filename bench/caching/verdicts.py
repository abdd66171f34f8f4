"""What is asked for, as ratios, and whether it was found."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bench.caching.rounds import Sample, Samples, ratio
from bench.caching.servers import BARE, Servers
from bench.spread import Spread

HIT_RATE = 0.95
"""Of the mixed load's reads, and more."""


@dataclass(slots=True)
class Found:
    """Everything of one read. `size` is the body's, in bytes as sent; `rate` the requests a second of `steady`."""

    name: str
    size: int
    hits: Samples = field(default_factory=dict)
    off: Samples = field(default_factory=dict)
    misses: Samples = field(default_factory=dict)
    steady: Samples = field(default_factory=dict)
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Must:
    """A ratio that is asked for: of the figure of `above` to that of `below`, at least or at most `bound`.

    `part` is the field of Found that it is about, `aim` what would be better still.
    """

    what: str
    part: str
    figure: Callable[[Sample], float]
    above: str
    below: str
    bound: float
    aim: float
    at_least: bool = False

    @property
    def asked(self) -> str:
        """The bound and the aim in words."""
        aim = "" if self.aim == self.bound else f" (aim {self.aim:g})"
        return f"{'at least' if self.at_least else 'at most'} {self.bound:g}{aim}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found of one read for something asked for, and what `bare` does of it where that is a rate."""

    read: str
    must: Must
    found: Spread
    bare: Spread | None = None

    @property
    def met(self) -> bool:
        """Whether the median is within the bound."""
        median = self.found.median
        return median >= self.must.bound if self.must.at_least else median <= self.must.bound

    @property
    def beyond(self) -> bool:
        """Whether more is asked for than the bare application does, which only sends the bytes."""
        return self.bare is not None and self.bare.median < self.must.bound


def rate(sample: Sample) -> float:
    """Requests a second."""
    return sample.rate


def cpu(sample: Sample) -> float:
    """Processor time of the server for each request."""
    return sample.cpu


def p99(sample: Sample) -> float:
    """Seconds that 99 of 100 answers took at most."""
    return sample.p99


def verdicts(servers: Servers, everything: Sequence[Found]) -> list[Verdict]:
    """Return all that can be told of what was measured."""
    return [each for found in everything for each in _of(found, list(_musts(servers)))]


def _of(found: Found, musts: Sequence[Must]) -> Iterator[Verdict]:
    for must in musts:
        samples: Samples = getattr(found, must.part)
        if must.above in samples and must.below in samples:
            bare = ratio(samples, BARE, must.below, rate) if must.at_least and BARE in samples else None
            yield Verdict(found.name, must, ratio(samples, must.above, must.below, must.figure), bare)


def _musts(servers: Servers) -> Iterator[Must]:
    monolith = servers.monolith.name
    if servers.local is not None:
        local = servers.local.name
        yield Must("L1 hit: CPU to the bare application's", "hits", cpu, local, BARE, 1.8, 1.3)
        yield Must("L1 hit: requests/s to the monolith's", "hits", rate, local, monolith, 6, 10, at_least=True)
    shared = servers.shared.name
    yield Must("L2 hit: requests/s to the monolith's", "hits", rate, shared, monolith, 2.5, 4, at_least=True)
    what = f"{servers.default.name.removeprefix('gateway, ')} hit: p99 to the monolith's, at half of its load"
    yield Must(what, "steady", p99, servers.default.name, monolith, 1, 1)

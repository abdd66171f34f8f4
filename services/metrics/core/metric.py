"""One row of the table of metrics."""

from dataclasses import dataclass
from typing import Final, Literal

from shared.contracts.timings import bounds_of

Kind = Literal["histogram", "counter", "gauge"]

SERVICE: Final = "service"
PROCESS: Final = "process"
"""A place among a service's processes, from 1: who comes takes the lowest that is free, so that there are only as many
as there were processes at a time. (`instance` is Prometheus' own word, for what it scrapes.)
"""

UNITS: Final = frozenset({"seconds", "bytes"})


@dataclass(frozen=True, slots=True)
class Metric:
    """One row. Histograms are in seconds.

    A gauge is added up over the processes, unless it is `of_all`: then each reports the whole, and the largest counts.
    `source` is a metric that only others are made of, and nobody is told. `kept` are labels of few values, by which
    series are told apart that are too many to be told apart by all.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    reported: str | None = None
    of_all: bool = False
    source: bool = False
    kept: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The base unit that the name ends with, or nothing."""
        last = self.name.removesuffix("_total").rpartition("_")[2]
        return last if last in UNITS else ""

    @property
    def bounds(self) -> tuple[float, ...]:
        """The upper bounds of a histogram's buckets, in seconds."""
        return bounds_of(self.reported or "")

    @property
    def size(self) -> int:
        """How many values a series has: one, or of a histogram one a bucket, one above, and the sum in seconds."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1

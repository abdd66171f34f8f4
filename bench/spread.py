"""How far rounds are apart."""

from collections.abc import Iterable
from statistics import median
from typing import NamedTuple


class Spread(NamedTuple):
    """Of the rounds' own figures, often ratios: the median, the least and the greatest."""

    median: float
    least: float
    greatest: float

    def told(self, digits: int = 2) -> str:
        """Return all three, with so many digits behind the point."""
        return f"{self.median:,.{digits}f} ({self.least:,.{digits}f} - {self.greatest:,.{digits}f})"


def spread(each: Iterable[float]) -> Spread:
    """Sum up the rounds. Raises StatisticsError for none."""
    found = list(each)
    return Spread(median(found), min(found), max(found))

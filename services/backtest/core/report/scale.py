"""Scales: where a value lies along an axis, and which round values are marked on it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from services.backtest.core.engine.dtypes import Floats

FINEST = 1e-9
"""A range smaller than this share of its values is widened: they are drawn as one."""


@dataclass(frozen=True, slots=True)
class Scale:
    """From the range low ... high of values to the range start ... stop of the picture."""

    low: float
    high: float
    start: float
    stop: float
    logarithmic: bool = False
    """Equal ratios are equally far apart; all values are above 0."""

    def at(self, values: Floats) -> Floats:
        """The places of values."""
        if self.logarithmic:
            share = np.log(values / self.low) / math.log(self.high / self.low)
        else:
            share = (values - self.low) / (self.high - self.low)
        return self.start + share * (self.stop - self.start)


def value_range(low: float, high: float) -> tuple[float, float]:
    """A range around the values that has some room, never none."""
    size = max(abs(low), abs(high))
    room = 0.04 * (high - low) if high - low > max(FINEST * size, 1e-300) else max(0.05 * size, 1e-9)
    return max(low - room, -1e308), min(high + room, 1e308)


def round_ratios(low: float, high: float, most: int) -> list[float]:
    """The numbers 1, 2 and 5 times a power of ten between `low` and `high`; powers alone, fewer yet, if too many."""
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    powers = range(first, last + 1, max(1, math.ceil((last - first) / most)))
    for factors in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        found = [value for power in powers for factor in factors if low <= (value := factor * 10.0**power) <= high]
        if len(found) <= most:
            break
    return found


def round_values(low: float, high: float, most: int) -> tuple[list[float], float]:
    """The multiples of 1, 2 or 5 times a power of ten between `low` and `high`, `most` or fewer, and their distance."""
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1.0, 2.0, 5.0, 10.0) if power * factor >= rough * (1.0 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [n * step for n in range(first, math.floor(high / step + 1e-9) + 1)][: most + 1], step


_SECONDS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 3, 6, 12, 24, 60, 120, 240, 600, 1200)


def round_times(first: datetime, last: datetime, most: int) -> list[tuple[datetime, str]]:
    """The round times from `first` to `last`, `most` or fewer, with the least that tells them apart as their label."""
    span = (last - first).total_seconds()
    for seconds in _SECONDS:
        if span / seconds < most:
            form = "%H:%M:%S" if seconds < 60 else "%H:%M"
            return _labelled(_every(first, last, timedelta(seconds=seconds)), f"%d %b {form}")
    for days in _DAYS:
        if span / 86_400 / days < most:
            return _labelled(_every(first, last, timedelta(days=days)), "%d %b %Y")
    months = next((months for months in _MONTHS if span / 86_400 / 28 / months < most), _MONTHS[-1])
    return _labelled(_every_months(first, last, months), "%b %Y" if months < 12 else "%Y")


def _labelled(moments: Iterator[datetime], form: str) -> list[tuple[datetime, str]]:
    return [(moment, moment.strftime(form)) for moment in moments]


def _every(first: datetime, last: datetime, step: timedelta) -> Iterator[datetime]:
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    moment = midnight + -(-(first - midnight) // step) * step
    while moment <= last:
        yield moment
        moment += step


def _every_months(first: datetime, last: datetime, step: int) -> Iterator[datetime]:
    month = -(-(first.year * 12 + first.month - 1) // step) * step
    while (moment := datetime(month // 12, month % 12 + 1, 1, tzinfo=first.tzinfo)) <= last:
        if moment >= first:
            yield moment
        month += step

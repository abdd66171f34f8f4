"""What a sweep draws from its axes: every combination in order, or a random sample of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from services.backtest.core.engine.dtypes import Ints
from services.backtest.core.sweep.axis import Axis
from services.backtest.core.sweep.combinations import Digits
from services.backtest.core.sweep.mixing import MAX_SHUFFLED, shuffled, uniform


class Draws(Protocol):
    """A sequence of combinations of which any part can be had by itself."""

    @property
    def most(self) -> int | None:
        """How many there are; None without an end."""
        ...

    def take(self, start: int, stop: int) -> tuple[Digits, ...]:
        """The digits of the combinations from `start` up to but without `stop`, by axis."""
        ...


def product(axes: Sequence[Axis]) -> int:
    """How many combinations the axes have; a span counts as one value."""
    return math.prod(max(len(axis.values), 1) for axis in axes)


@dataclass(frozen=True, slots=True)
class Ordered:
    """Every combination, the last axis turning fastest."""

    axes: tuple[Axis, ...]

    @property
    def most(self) -> int:
        """The product of the axes' sizes."""
        return product(self.axes)

    def take(self, start: int, stop: int) -> tuple[Digits, ...]:
        """The combinations numbered `start` to `stop` - 1."""
        return _digits(self.axes, np.arange(start, stop, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Shuffled:
    """Every combination in a random order: a beginning of it is a sample without replacement."""

    axes: tuple[Axis, ...]
    seed: int

    @property
    def most(self) -> int:
        """The product of the axes' sizes, at most `MAX_SHUFFLED`."""
        return product(self.axes)

    def take(self, start: int, stop: int) -> tuple[Digits, ...]:
        """The combinations at these places of the order."""
        return _digits(self.axes, shuffled(self.seed, self.most, np.arange(start, stop, dtype=np.int64)))


@dataclass(frozen=True, slots=True)
class Independent:
    """Each axis drawn by itself: for spans, and for so many combinations that a repeat will not be seen."""

    axes: tuple[Axis, ...]
    seed: int

    @property
    def most(self) -> None:
        """There is no end."""
        return

    def take(self, start: int, stop: int) -> tuple[Digits, ...]:
        """The draws of these numbers."""
        places = np.arange(start, stop, dtype=np.int64)
        return tuple(self._drawn(axis, stream, places) for stream, axis in enumerate(self.axes))

    def _drawn(self, axis: Axis, stream: int, places: Ints) -> Digits:
        share = uniform(self.seed, stream, places)
        if axis.is_span:
            return np.minimum(axis.low + share * (axis.high - axis.low), np.nextafter(axis.high, axis.low))
        return (share * len(axis.values)).astype(np.int64)


def sample_of(axes: tuple[Axis, ...], seed: int) -> Shuffled | Independent:
    """The random draws from these axes."""
    if any(axis.is_span for axis in axes) or product(axes) > MAX_SHUFFLED:
        return Independent(axes, seed)
    return Shuffled(axes, seed)


def _digits(axes: tuple[Axis, ...], numbers: Ints) -> tuple[Digits, ...]:
    digits: list[Digits] = []
    for axis in reversed(axes):
        numbers, digit = np.divmod(numbers, len(axis.values))
        digits.append(digit)
    return tuple(reversed(digits))

"""The best rows of a long table by one of its columns, from one pass over it: no more is kept than was asked for."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from services.backtest.core.engine.dtypes import Floats, Ints


@dataclass(frozen=True, slots=True)
class Rank:
    """Where a row is in the order: its value, NaN where it has none, and its number, which decides between equals."""

    value: float
    number: int


def best_rows(column: Sequence[Floats], most: int, *, rising: bool = False, after: Rank | None = None) -> list[Rank]:
    """Return the `most` rows that are best by a column, given in parts, the best first; those behind `after` alone.

    The highest value is best, or the lowest when `rising`. Rows without a value come last. Equals are in order of
    number, which counts from 0 through all parts.
    """
    found = [] if after is not None and np.isnan(after.value) else _with_value(column, most, rising, after)
    if len(found) < most:
        first = after.number + 1 if after is not None and np.isnan(after.value) else 0
        found += [Rank(np.nan, number) for number in _without_value(column, most - len(found), first)]
    return found


def _with_value(column: Iterable[Floats], most: int, rising: bool, after: Rank | None) -> list[Rank]:
    sign = 1.0 if rising else -1.0
    scores, numbers = np.empty(0), np.empty(0, np.int64)
    for first, part in _counted(column):
        score = sign * part
        # Of equals the earlier is better, so that a later one never gets in when there are enough.
        kept = score < scores[-1] if len(scores) == most else score == score  # noqa: PLR0124  # true but for NaN
        if after is not None:
            edge = sign * after.value
            kept &= (score > edge) | ((score == edge) & (np.arange(first, first + len(part)) > after.number))
        places = np.flatnonzero(kept)
        if len(places):
            scores = np.concatenate([scores, score[places]])
            numbers = np.concatenate([numbers, first + places])
            scores, numbers = _least(scores, numbers, most)
    return [Rank(sign * score, number) for score, number in zip(scores.tolist(), numbers.tolist(), strict=True)]


def _least(scores: Floats, numbers: Ints, most: int) -> tuple[Floats, Ints]:
    """The `most` lowest scores in order, with their numbers; of equals those that come first."""
    if len(scores) > most:
        near = scores <= np.partition(scores, most - 1)[most - 1]
        scores, numbers = scores[near], numbers[near]
    order = np.argsort(scores, kind="stable")[:most]
    return scores[order], numbers[order]


def _without_value(column: Iterable[Floats], most: int, first_number: int) -> list[int]:
    found: list[int] = []
    for first, part in _counted(column):
        if first + len(part) > first_number:
            numbers = first + np.flatnonzero(np.isnan(part))
            found += numbers[numbers >= first_number].tolist()
            if len(found) >= most:
                break
    return found[:most]


def _counted(column: Iterable[Floats]) -> Iterator[tuple[int, Floats]]:
    first = 0
    for part in column:
        yield first, part
        first += len(part)

"""Random numbers by their place."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.sweep.mixing import MAX_SHUFFLED, shuffled, uniform


@given(st.integers(), st.integers(1, 3000))
def test_a_shuffle_meets_every_number_once(seed: int, size: int) -> None:
    """It is a permutation, whatever the size."""
    assert sorted(shuffled(seed, size, np.arange(size)).tolist()) == list(range(size))


@given(st.integers(), st.integers(10**6, MAX_SHUFFLED), st.integers(0, 10**6 - 200))
def test_any_part_of_a_shuffle_is_the_same_by_itself(seed: int, size: int, start: int) -> None:
    """A part drawn alone is that part of the whole, without repeats and in range."""
    part = shuffled(seed, size, np.arange(start, start + 200))
    assert shuffled(seed, size, np.array([start + 150]))[0] == part[150]
    assert len(set(part.tolist())) == 200
    assert part.min() >= 0
    assert part.max() < size


def test_a_shuffle_is_even() -> None:
    """A sample falls on all parts of its range alike: of 64 parts, each has 1,000 of 64,000 within five deviations."""
    counts = np.bincount(shuffled(7, 10**12, np.arange(64_000)) * 64 // 10**12, minlength=64)
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)


def test_seeds_differ() -> None:
    """Each seed has its own order, and each stream its own numbers."""
    orders = {tuple(shuffled(seed, 10**9, np.arange(4)).tolist()) for seed in range(-50, 50)}
    assert len(orders) == 100
    streams = {tuple(uniform(seed, stream, np.arange(4)).tolist()) for seed in range(10) for stream in range(10)}
    assert len(streams) == 100


def test_uniform_numbers_are_even() -> None:
    """They lie from 0 up to but without 1, and fall on all parts of it alike."""
    drawn = uniform(3, 1, np.arange(64_000))
    assert drawn.min() >= 0.0
    assert drawn.max() < 1.0
    counts = np.bincount((drawn * 64).astype(np.int64), minlength=64)
    assert np.abs(counts - 1000).max() < 5 * np.sqrt(1000)


def test_what_was_drawn_once_is_drawn_for_ever() -> None:
    """A seed means the same numbers in every version of numpy and of this: results are filed under it."""
    assert shuffled(7, 10**12, np.arange(3)).tolist() == [741724953686, 185727853417, 805451629848]
    assert uniform(7, 0, np.arange(3)).tolist() == [0.4762692508062498, 0.9994583998214734, 0.4523929464780053]

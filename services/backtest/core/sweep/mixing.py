"""Random numbers that are worked out from their place alone, so that any part of a sample can be drawn by itself.

`mixed` is the finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA
2014). `shuffled` is a Feistel network with rounds of it, walked until it falls into range (Black, Rogaway: Ciphers
with Arbitrary Finite Domains, CT-RSA 2002): a permutation of 0 ... size - 1 that holds no table.
"""

import numpy as np
from numpy.typing import NDArray

from services.backtest.core.engine.dtypes import Floats, Ints

Words = NDArray[np.uint64]

ROUNDS = 6
MAX_SHUFFLED = 2**62
_WORD = 2**64
_GOLDEN = 0x9E3779B97F4A7C15
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))


def mixed(words: Words) -> Words:
    """Each word scrambled, every bit of it depending on every bit given."""
    words = (words ^ (words >> _SHIFTS[0])) * _MIX[0]
    words = (words ^ (words >> _SHIFTS[1])) * _MIX[1]
    return words ^ (words >> _SHIFTS[2])


def key(seed: int, stream: int) -> np.uint64:
    """The key of one stream of random words."""
    first = mixed(np.array([(seed + _GOLDEN) % _WORD], np.uint64))
    return np.uint64(mixed(first + np.array([(stream + 1) * _GOLDEN % _WORD], np.uint64))[0])


def uniform(seed: int, stream: int, places: Ints) -> Floats:
    """A number from 0 up to but without 1 for each place, in steps of 2**-53."""
    words = mixed(mixed(places.astype(np.uint64) + key(seed, stream)) + key(seed, stream))
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


def shuffled(seed: int, size: int, places: Ints) -> Ints:
    """Where a permutation of 0 ... size - 1 sends each place; every seed has its own. `size` is at most 2**62."""
    half = max((size - 1).bit_length() + 1, 2) // 2
    keys = [key(seed, -2 - number) for number in range(ROUNDS)]
    sent = _feistel(places.astype(np.uint64), half, keys)
    outside = np.flatnonzero(sent >= np.uint64(size))
    while len(outside):
        sent[outside] = _feistel(sent[outside], half, keys)
        outside = outside[sent[outside] >= np.uint64(size)]
    return sent.astype(np.int64)


def _feistel(words: Words, half: int, keys: list[np.uint64]) -> Words:
    mask, shift = np.uint64(2**half - 1), np.uint64(half)
    left, right = words >> shift, words & mask
    for round_key in keys:
        left, right = right, left ^ (mixed(right + round_key) & mask)
    return (left << shift) | right

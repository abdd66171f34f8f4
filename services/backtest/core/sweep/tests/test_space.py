"""The combinations of a sweep."""

import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.sweep.combinations import Combinations
from services.backtest.core.sweep.grid import InvalidSpace
from services.backtest.core.sweep.space import Space
from services.backtest.core.sweep.tests.strategies import cross

WIDE = {"fast": {"start": 1, "stop": 500, "step": 1}, "slow": {"start": 1, "stop": 500, "step": 1}}


def _pieces(space: Space, size: int = 65_536) -> Iterator[Combinations]:
    """All combinations, a piece at a time."""
    for start in range(0, space.stop, size):
        yield space.combinations(start, min(start + size, space.stop))


def _all(space: Space) -> list[dict[str, Any]]:
    return [piece.params(index) for piece in _pieces(space) for index in range(len(piece))]


def test_a_grid_is_every_combination_in_order() -> None:
    """The last param, by name, turns fastest; those that are not named are left to their defaults."""
    space = Space.read(cross(), {"slow": [20, 30], "fast": [5, 10], "on": [True]})
    assert (space.stop, space.count) == (4, 4)
    assert _all(space) == [
        {"fast": fast, "on": True, "slow": slow} for fast, slow in ((5, 20), (5, 30), (10, 20), (10, 30))
    ]
    assert [type(value) for value in _all(space)[0].values()] == [int, bool, int]


def test_columns_have_the_params_types() -> None:
    """What goes into a table needs no conversion."""
    grid = {"fast": [1, 2], "share": [0.5, 1], "on": [True, False], "mode": ["wild"]}
    columns = Space.read(cross(), grid).combinations(0, 8).columns()
    assert {name: column.dtype.str for name, column in columns.items()} == {
        "fast": "<i8", "share": "<f8", "on": "|b1", "mode": "<U4"
    }  # fmt: skip


def test_constraints_leave_combinations_out() -> None:
    """What breaks one is not in the sweep, and the count is known beforehand."""
    space = Space.read(cross(constraints=["fast < slow", "on or slow > 2"]), {"fast": [1, 2, 3], "slow": [1, 2, 3]})
    assert [(row["fast"], row["slow"]) for row in _all(space)] == [(1, 2), (1, 3), (2, 3)]
    assert (space.stop, space.count) == (9, 3)


def test_a_constraint_without_a_value_is_not_broken() -> None:
    """Such a combination stays, for the sweep to say that it is invalid."""
    space = Space.read(cross(constraints=["1 / (fast - slow) < 0"]), {"fast": [1, 2], "slow": [1, 2]})
    assert [(row["fast"], row["slow"]) for row in _all(space)] == [(1, 1), (1, 2), (2, 2)]


def test_constraints_that_nothing_fulfils_are_said_to_be() -> None:
    """An empty sweep is a mistake."""
    for sample in (None, {"n": 3}):
        with pytest.raises(InvalidSpace, match="no combination fulfils the strategy's constraints"):
            Space.read(cross(constraints=["fast < slow"]), {"fast": [9], "slow": [3, 4]}, sample)


@given(st.integers(0, 99), st.integers(1, 40), st.lists(st.integers(0, 200), max_size=4), st.booleans())
def test_any_cut_gives_the_same_combinations(seed: int, n: int, cuts: list[int], sampled: bool) -> None:
    """Slices that different processes enumerate add up to the whole, with constraints and without."""
    grid = {"fast": list(range(1, 14)), "slow": list(range(1, 16))}
    space = Space.read(cross(constraints=["fast < slow"]), grid, {"n": n} if sampled else None, seed)
    edges = sorted({0, space.stop, *(cut for cut in cuts if cut < space.stop)})
    parts = [space.combinations(*edge) for edge in pairwise(edges)]
    assert [part.params(index) for part in parts for index in range(len(part))] == _all(space)
    assert sum(map(len, parts)) == space.count


@given(st.integers(-(2**53), 2**53), st.integers(1, 300))
def test_a_sample_repeats_nothing_and_keeps_to_the_constraints(seed: int, n: int) -> None:
    """It has as many combinations as asked for, or all there are."""
    grid = {"fast": list(range(1, 14)), "slow": list(range(1, 16))}
    rows = _all(Space.read(cross(constraints=["fast < slow"]), grid, {"n": n, "seed": seed}))
    there_are = sum(fast < slow for fast in range(1, 14) for slow in range(1, 16))
    assert len({(row["fast"], row["slow"]) for row in rows}) == len(rows) == min(n, there_are)
    assert all(row["fast"] < row["slow"] for row in rows)


def test_a_sample_is_its_seed() -> None:
    """The same one for the same seed, wherever it is written, and another for another."""
    grid = {"fast": list(range(1, 100)), "slow": list(range(1, 100))}
    same = [_all(Space.read(cross(), grid, {"n": 20, **own}, seed)) for own, seed in (({"seed": 7}, 1), ({}, 7))]
    assert same[0] == same[1] != _all(Space.read(cross(), grid, {"n": 20}, 8))


def test_a_span_is_drawn_from_evenly() -> None:
    """Numbers between the ends, each another one, beside an axis of a few values."""
    grid = {"share": {"min": 0.2, "max": 0.6}, "mode": ["calm", "wild"]}
    columns = Space.read(cross(), grid, {"n": 4000}).combinations(0, 4000).columns()
    share = np.asarray(columns["share"], np.float64)
    assert (share.min() >= 0.2, share.max() < 0.6, len(np.unique(share))) == (True, True, 4000)
    assert abs(share.mean() - 0.4) < 0.01
    assert abs(np.mean(columns["mode"] == "wild") - 0.5) < 0.05


def test_a_sample_of_a_trillion_takes_no_room() -> None:
    """Neither the grid nor the sample is ever written down: a million draws come a piece at a time."""
    params = {name: {"type": "int", "min": 0, "max": 999, "default": 1} for name in ("a", "b", "c", "d")}
    spec = cross(params={**cross_params(), **params})
    tracemalloc.start()
    try:
        space = Space.read(spec, {name: {"start": 0, "stop": 999, "step": 1} for name in params}, {"n": 1_000_000})
        assert space.draws.most == 10**12
        assert sum(len(piece) for piece in _pieces(space)) == 1_000_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def cross_params() -> dict[str, Any]:
    return {name: {"type": "int", "default": 3} for name in ("fast", "slow")}


@pytest.mark.parametrize(
    ("sample", "pointer", "message"),
    [
        ({"n": 0}, "/sample/n", "write how many combinations to draw: 1 to 10,000,000"),
        ({"n": 10_000_001}, "/sample/n", "write how many combinations to draw: 1 to 10,000,000"),
        ({}, "/sample/n", "write how many combinations to draw: 1 to 10,000,000"),
        ({"n": 5, "seed": 0.5}, "/sample/seed", "must be a whole number"),
        (7, "/sample", 'write how many combinations to draw, as {"n": 1000}, or null for all of the grid'),
        ({"m": 5}, "/sample", 'write how many combinations to draw, as {"n": 1000}, or null for all of the grid'),
    ],
)
def test_what_a_sample_cannot_say(sample: object, pointer: str, message: str) -> None:
    """The pointer leads to the value, and the sentence says what to write."""
    with pytest.raises(InvalidSpace) as refused:
        Space.read(cross(), {"fast": [1, 2]}, sample)
    assert [(error.pointer, error.message) for error in refused.value.errors] == [(pointer, message)]


def test_too_many_combinations_are_refused() -> None:
    """With how many there are, and what to do."""
    grid = {**WIDE, "share": {"start": 0, "stop": 1, "step": 0.01}}
    with pytest.raises(InvalidSpace, match="there are 25,250,000 combinations, 10,000,000 are allowed; take a sample"):
        Space.read(cross(), grid)
    assert Space.read(cross(), grid, {"n": 5}).count == 5

"""The parts of a prefix test: its bars, its cuts, and what counts as different."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.prefix.comparison import Difference, first_difference
from services.backtest.core.prefix.cuts import cuts
from services.backtest.core.prefix.market import made_up_bars


@pytest.mark.parametrize("seed", range(5))
def test_the_bars_have_what_strategies_stumble_over(seed: int) -> None:
    """Gaps, flat stretches, bars without volume, large moves up and down: and they are bars all the same."""
    bars = made_up_bars(np.random.default_rng(seed), 500)
    assert np.all(bars.high >= np.maximum(bars.open, bars.close))
    assert np.all(bars.low <= np.minimum(bars.open, bars.close))
    moves = bars.close[1:] / bars.close[:-1] - 1.0
    assert moves.max() > 0.1
    assert moves.min() < -0.1
    assert np.count_nonzero(bars.volume == 0.0) > 10
    assert np.count_nonzero((bars.high == bars.low) & (bars.open == bars.close)) > 10
    assert np.count_nonzero(np.abs(bars.open[1:] / bars.close[:-1] - 1.0) > 0.01) > 10


def test_prices_stay_prices_however_many_bars_there_are() -> None:
    """A walk of a million bars neither dies out nor overflows."""
    bars = made_up_bars(np.random.default_rng(0), 1_000_000)
    assert 2.0 < bars.close.min() < bars.close.max() < 5_000.0


@given(first=st.integers(1, 10_000), behind=st.integers(3, 300), count=st.integers(0, 30), seed=st.integers())
def test_cuts_are_distinct_places_within_the_bars(first: int, behind: int, count: int, seed: int) -> None:
    """In rising order, one behind the first decision if there is any, the edges of the warm-up from the fourth on."""
    found = cuts(first, first + behind, count, random.Random(seed))
    assert found == sorted(set(found))
    assert len(found) <= count
    assert all(1 <= cut < first + behind for cut in found)
    if count > 0:
        assert found[-1] > first + 1
    if count > 3:
        assert {cut for cut in (first - 1, first, first + 1) if cut > 0} <= set(found)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([1.0, np.nan], [1.0, np.nan], None),
        ([1.0, np.nan], [1.0, 2.0], (1, None, 2.0)),
        ([0.0, 1.0], [-0.0, 1.0], (0, 0.0, -0.0)),
        ([0.1 + 0.2, 1.0], [0.3, 1.0], (0, 0.1 + 0.2, 0.3)),
        ([True, False], [True, True], (1, False, True)),
        ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0], None),
    ],
)
def test_the_same_is_the_same_to_the_bit(
    one: list[float], other: list[float], expected: tuple[int, float | None, float | None] | None
) -> None:
    """No number equals no number; nothing else that differs in a bit is equal. What is behind the cut plays no part."""
    found = first_difference({"part": np.array(one)}, {"part": np.array(other)}, 2)
    assert found == (expected and Difference("part", *expected))


def test_the_earliest_bar_is_told_whichever_part_it_is_in() -> None:
    """Of two parts that differ on it, the first."""
    one = {"a": np.zeros(3), "b": np.zeros(3), "c": np.zeros(3)}
    other = {"a": np.array([0.0, 0.0, 1.0]), "b": np.array([0.0, 1.0, 0.0]), "c": np.array([0.0, 2.0, 0.0])}
    assert first_difference(one, other, 3) == Difference("b", 1, 0.0, 1.0)

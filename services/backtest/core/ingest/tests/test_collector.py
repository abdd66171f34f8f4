"""Bars that come a part at a time."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.bars import Bars
from services.backtest.core.ingest.collector import NEWEST_FIRST, Collector
from services.backtest.core.ingest.digest import sha256_of
from services.backtest.core.ingest.faults import MAX_COUNTED, Faults
from services.backtest.core.ingest.table import Table
from services.backtest.core.ingest.tests.tables import DAY, table
from shared.contracts.errors import Invalid, TooLarge


def part_of(whole: Table, rows: slice) -> Table:
    """Some rows of a table."""
    names = ("rows", "time", "open", "high", "low", "close", "volume")
    return Table(**{name: getattr(whole, name)[rows] for name in names})


def collected(whole: Table, cuts: list[int]) -> tuple[Bars, list[str]]:
    """The bars of a table that comes in parts, and the notes of them."""
    collector = Collector(Faults(), most=len(whole))
    edges = [0, *sorted(cuts), len(whole)]
    for begin, end in pairwise(edges):
        collector.add(part_of(whole, slice(begin, end)))
    return collector.bars(), collector.notes


@given(st.lists(st.integers(0, 20), max_size=6))
def test_parts_make_the_whole_whichever_way_it_goes(cuts: list[int]) -> None:
    """However the rows are cut, rising or newest first, the bars are the same."""
    whole = table(20, open={3: 10.5}, volume={7: -0.0, 8: 3.0})
    reverse = part_of(whole, slice(None, None, -1))
    rising, notes = collected(whole, cuts)
    falling, other_notes = collected(reverse, cuts)
    assert sha256_of(rising) == sha256_of(falling) == sha256_of(collected(whole, [])[0])
    assert (notes, other_notes) == ([], [NEWEST_FIRST])


@pytest.mark.parametrize(("cut", "row"), [(2, 3), (1, 3), (3, 3)])
def test_the_edge_between_parts_is_checked(cut: int, row: int) -> None:
    """A time that goes back is found at its row, wherever the rows were cut."""
    with pytest.raises(Invalid) as caught:
        collected(table(5, time={2: 0}), [cut])
    assert caught.value.errors[0].pointer == f"/file/row/{row}/time"


def test_there_is_a_most() -> None:
    """Of rows that may be kept, and of bars that must be there."""
    collector = Collector(Faults(), most=10, max_rows=5)
    collector.add(table(5))
    with pytest.raises(TooLarge, match="more than 5 rows"):
        collector.add(table(1))
    lonely = Collector(Faults(), most=1)
    lonely.add(table(1))
    with pytest.raises(Invalid, match="fewer than 2 bars"):
        lonely.bars()


def test_what_is_wrong_throughout_is_not_read_to_its_end() -> None:
    """After a hundred thousand faults nothing more is looked at."""
    collector = Collector(Faults())
    with pytest.raises(Invalid, match=r"More than 100,000 faults .* the first 20 are listed"):
        collector.add(table(MAX_COUNTED + 1, volume=dict.fromkeys(range(MAX_COUNTED + 1), -1.0)))


def test_one_bar_a_part_is_enough_to_tell_the_way() -> None:
    """The way is known once two times are."""
    bars, notes = collected(part_of(table(3), slice(None, None, -1)), [1, 2])
    assert bars.time.tolist() == [0, DAY, 2 * DAY]
    assert notes == [NEWEST_FIRST]
    assert not np.any(np.diff(bars.time) <= 0)

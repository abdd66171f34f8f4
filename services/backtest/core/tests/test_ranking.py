"""The best rows of a long column, page by page."""

import math
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.rank_cursor import cursor_behind, rank_before
from services.backtest.core.ranking import Rank, best_rows
from shared.contracts.errors import Malformed

values = st.one_of(st.just(math.nan), st.sampled_from([-1.0, 0.0, -0.0, 2.0, math.inf]), st.floats(allow_nan=True))


def cut(column: list[float], sizes: list[int]) -> list["np.ndarray[tuple[int], np.dtype[np.float64]]"]:
    """A column in parts."""
    edges = np.cumsum(sizes)
    return list(np.split(np.array(column, np.float64), edges[edges < len(column)]))


@given(st.lists(values, max_size=40), st.lists(st.integers(1, 9), max_size=9), st.integers(1, 45), st.booleans())
def test_pages_of_any_length_make_up_the_sorted_whole(
    column: list[float], sizes: list[int], limit: int, rising: bool
) -> None:
    """However the column is cut: by value, what has none last, equals by number."""
    sign = 1.0 if rising else -1.0
    expected = sorted(
        range(len(column)), key=lambda n: (math.isnan(column[n]), sign * column[n] if column[n] == column[n] else 0, n)
    )
    found: list[int] = []
    after: Rank | None = None
    for _ in range(len(column) + 1):
        page = best_rows(cut(column, sizes), limit, rising=rising, after=after)
        found += [rank.number for rank in page]
        if len(page) < limit:
            break
        after = rank_before(cursor_behind("list", page[-1]), "list")
    assert found == expected


@given(values, st.integers(0, 10**7))
def test_a_cursor_names_a_row_exactly(value: float, number: int) -> None:
    """Whatever its value: also one that JSON has no number for."""
    back = rank_before(cursor_behind("list", Rank(value, number)), "list")
    assert back is not None
    assert back.number == number
    assert back.value == value or (math.isnan(back.value) and math.isnan(value))


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "%",
        "AAAA",
        cursor_behind("another", Rank(1.0, 2)),
        "WyJsaXN0IiwieCIsMV0",
        cursor_behind("list", Rank(1.0, -1)),
        cursor_behind("list", Rank(1.0, 2**53)),
    ],
)
def test_what_is_no_cursor_of_the_list_is_refused(cursor: str) -> None:
    """With a sentence, whatever is wrong with it."""
    with pytest.raises(Malformed):
        rank_before(cursor, "list")


@pytest.mark.parametrize("order", ["shuffled", "rising", "equal"])
def test_ten_million_rows_take_a_fraction_of_a_second_and_of_their_memory(order: str) -> None:
    """Even when every row is better than all before it, or when all are equal."""
    rows = 10_000_000
    column = np.random.default_rng(1).standard_normal(rows) if order == "shuffled" else np.arange(rows, dtype=float)
    if order == "equal":
        column[:] = 1.0
    parts = np.split(column, range(65_536, rows, 65_536))
    begun = time.thread_time()
    first = best_rows(parts, 200)
    second = best_rows(parts, 200, after=first[-1])
    assert time.thread_time() - begun < 1.0
    assert len({rank.number for rank in first + second}) == 400
    tracemalloc.start()
    best_rows(parts, 200, after=first[-1])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000_000

"""Cursors of lists that never change."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.core.row_cursor import cursor_after, rows_before
from shared.contracts.errors import Malformed


@given(st.integers(0, 10_000_000))
def test_a_cursor_leads_where_it_says(before: int) -> None:
    """There and back, in characters that need no quoting in a URL."""
    cursor = cursor_after("a-list", before)
    assert rows_before(cursor, "a-list") == before
    assert cursor.replace("-", "").replace("_", "").isalnum()


def test_no_cursor_is_the_beginning() -> None:
    """The first page has none."""
    assert rows_before(None, "a-list") == 0


@given(st.text(max_size=40))
def test_any_other_text_is_malformed(text: str) -> None:
    """Whatever is sent in place of a cursor, it is refused and breaks nothing."""
    with pytest.raises(Malformed):
        rows_before(text, "a-list")


def test_another_lists_cursor_is_malformed() -> None:
    """So is one that points before the beginning."""
    for cursor in (cursor_after("b-list", 0), cursor_after("a-list", -1)):
        with pytest.raises(Malformed):
            rows_before(cursor, "a-list")

"""Keyset pagination."""

import base64
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.errors import Malformed
from shared.contracts.ids import new_id
from shared.runtime.keyset import Keyset, Position, SortKey

KEYS = {
    "created_at": SortKey("created_at", "timestamptz"),
    "name": SortKey("name", "text"),
    "sharpe": SortKey("sharpe", "float8", nullable=True),
}
START = datetime(2026, 1, 2, tzinfo=UTC)
ID = new_id()


def cursor_after(keyset: Keyset, value: object, row_id: str = ID) -> str:
    """Return the cursor that a list gives out after a row."""
    row = {keyset.name: value, "id": row_id}
    cursor = keyset.next_cursor([row, row], 1)
    assert cursor is not None
    return cursor


def forged(keyset: Keyset, key: object, row_id: object = ID) -> str:
    """Return a cursor with its filters right and the rest as an attacker likes it."""
    genuine = cursor_after(keyset, START if keyset.name == "created_at" else "x")
    filters, _, _ = msgspec.json.decode(base64.urlsafe_b64decode(genuine + "=" * (-len(genuine) % 4)))
    return base64.urlsafe_b64encode(msgspec.json.encode([filters, key, row_id])).decode().rstrip("=")


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("created_at", "created_at ASC, id ASC"),
        ("-created_at", "created_at DESC, id DESC"),
        ("-name", "name DESC, id DESC"),
        ("sharpe", "sharpe ASC NULLS LAST, id ASC"),
        ("-sharpe", "sharpe DESC NULLS LAST, id DESC"),
    ],
)
def test_the_order_is_total(sort: str, order: str) -> None:
    """Ties break by id, the same way as the key; NULLs come last both ways."""
    assert Keyset(KEYS, sort, []).order_by == order


@pytest.mark.parametrize(
    ("sort", "value", "key"),
    [
        ("name", "abc", "abc"),
        ("-created_at", START, START.isoformat()),
        ("-sharpe", 0.1, "0.1"),
        ("sharpe", None, None),
    ],
)
def test_a_cursor_says_where_its_page_ended(sort: str, value: object, key: str | None) -> None:
    """By the key of the page's last row, as text, and that row's id."""
    keyset = Keyset(KEYS, sort, [])
    assert keyset.position(cursor_after(keyset, value)) == Position(key, ID)


@pytest.mark.parametrize("other", [Keyset(KEYS, "-name", ["me"]), Keyset(KEYS, "name", ["you"])])
def test_a_cursor_of_another_list_is_refused(other: Keyset) -> None:
    """Its place means nothing under another sort or other filters, so that pages would silently skip rows."""
    cursor = cursor_after(Keyset(KEYS, "name", ["me"]), "abc")
    with pytest.raises(Malformed, match="other filters or another sort"):
        other.position(cursor)


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("created_at", "yesterday"),
        ("created_at", "1700000000"),
        ("created_at", "2026-01-02T00:00:00"),
        ("created_at", "0001-01-01T00:00:00+23:59"),
        ("created_at", None),
        ("created_at", 5),
        ("name", None),
        ("name", "nul\0"),
        ("name", ["a"]),
        ("sharpe", "high"),
        ("sharpe", "1e999"),
        ("sharpe", "1e1"),
        ("sharpe", 1.5),
    ],
)
def test_a_hand_made_key_is_refused(sort: str, key: object) -> None:
    """Before the database sees it: what it could not read would be an internal error."""
    keyset = Keyset(KEYS, sort, [])
    with pytest.raises(Malformed, match="start without it"):
        keyset.position(forged(keyset, key))


@pytest.mark.parametrize("row_id", ["", "7", "x' OR true --", ID.upper(), None, 7])
def test_a_hand_made_id_is_refused(row_id: object) -> None:
    """It is compared as a uuid."""
    keyset = Keyset(KEYS, "name", [])
    with pytest.raises(Malformed, match="start without it"):
        keyset.position(forged(keyset, "abc", row_id))


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_text_is_refused(text: str) -> None:
    """Whatever is in it."""
    with pytest.raises(Malformed):
        Keyset(KEYS, "name", []).position(text)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_genuine_cursor_is_taken(name: str) -> None:
    """For any text the database can hold."""
    keyset = Keyset(KEYS, "name", [])
    assert keyset.position(cursor_after(keyset, name)) == Position(name, ID)


def test_the_last_page_has_no_cursor() -> None:
    """The row beyond the limit is what tells; it is not shown."""
    keyset = Keyset(KEYS, "name", [])
    rows = [{"name": name, "id": new_id()} for name in "abc"]
    assert keyset.next_cursor(rows, 3) is None
    assert keyset.next_cursor([], 3) is None
    cursor = keyset.next_cursor(rows, 2)
    assert cursor is not None
    assert keyset.position(cursor) == Position("b", rows[1]["id"])

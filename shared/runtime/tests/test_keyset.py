"""Keyset pagination."""

import base64
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.errors import Malformed
from shared.contracts.ids import new_id
from shared.runtime.keyset import Keyset, SortKey

KEYS = {
    "created_at": SortKey("created_at", "timestamptz"),
    "name": SortKey("name", "text"),
    "sharpe": SortKey("sharpe", "float8", nullable=True),
}
SORTS = [sign + name for name in KEYS for sign in ("", "-")]
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


def test_without_a_cursor_every_row_qualifies() -> None:
    """And no argument is used up."""
    arguments: list[object] = ["owner"]
    assert Keyset(KEYS, "name", []).after(None, arguments) == "TRUE"
    assert arguments == ["owner"]


@pytest.mark.parametrize(
    ("sort", "value", "condition", "appended"),
    [
        ("name", "abc", "(name, id) > ($3::text::text, $2::uuid)", [ID, "abc"]),
        ("-created_at", START, "(created_at, id) < ($3::text::timestamptz, $2::uuid)", [ID, START.isoformat()]),
        ("-sharpe", 0.1, "((sharpe, id) < ($3::text::float8, $2::uuid) OR sharpe IS NULL)", [ID, "0.1"]),
        ("sharpe", None, "(sharpe IS NULL AND id > $2::uuid)", [ID]),
    ],
)
def test_a_cursor_becomes_a_condition(sort: str, value: object, condition: str, appended: list[object]) -> None:
    """Its values travel as arguments, never as SQL, after those the query has already."""
    keyset = Keyset(KEYS, sort, [])
    arguments: list[object] = ["owner"]
    assert keyset.after(cursor_after(keyset, value), arguments) == condition
    assert arguments == ["owner", *appended]


@pytest.mark.parametrize("other", [Keyset(KEYS, "-name", ["me"]), Keyset(KEYS, "name", ["you"])])
def test_a_cursor_of_another_list_is_refused(other: Keyset) -> None:
    """Its place means nothing under another sort or other filters, so that pages would silently skip rows."""
    cursor = cursor_after(Keyset(KEYS, "name", ["me"]), "abc")
    with pytest.raises(Malformed, match="other filters or another sort"):
        other.after(cursor, [])


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
        keyset.after(forged(keyset, key), [])


@pytest.mark.parametrize("row_id", ["", "7", "x' OR true --", ID.upper(), None, 7])
def test_a_hand_made_id_is_refused(row_id: object) -> None:
    """It is compared as a uuid."""
    keyset = Keyset(KEYS, "name", [])
    with pytest.raises(Malformed, match="start without it"):
        keyset.after(forged(keyset, "abc", row_id), [])


@given(st.text() | st.binary().map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_any_other_text_is_refused(text: str) -> None:
    """Whatever is in it."""
    with pytest.raises(Malformed):
        Keyset(KEYS, "name", []).after(text, [])


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_genuine_cursor_is_taken(name: str) -> None:
    """For any text the database can hold."""
    keyset = Keyset(KEYS, "name", [])
    arguments: list[object] = []
    keyset.after(cursor_after(keyset, name), arguments)
    assert arguments == [ID, name]


def test_the_last_page_has_no_cursor() -> None:
    """The row beyond the limit is what tells; it is not shown."""
    keyset = Keyset(KEYS, "name", [])
    rows = [{"name": name, "id": new_id()} for name in "abc"]
    assert keyset.next_cursor(rows, 3) is None
    assert keyset.next_cursor([], 3) is None
    arguments: list[object] = []
    keyset.after(keyset.next_cursor(rows, 2), arguments)
    assert arguments == [rows[1]["id"], "b"]


@pytest.fixture
async def table(database_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A table with many ties and gaps in its keys."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "CREATE TEMP TABLE item (id uuid PRIMARY KEY, created_at timestamptz NOT NULL, name text, sharpe float8)"
    )
    await insert(connection, 60, random.Random(7))
    yield connection
    await connection.close()


async def insert(connection: "asyncpg.Connection[asyncpg.Record]", number: int, dice: random.Random) -> None:
    """Add rows of few distinct keys."""
    await connection.executemany(
        "INSERT INTO item VALUES ($1, $2, $3, $4)",
        [
            (
                new_id(),
                START + timedelta(microseconds=dice.randrange(5)),
                dice.choice(["a", "B", "ß", "'", ""]),
                dice.choice([None, 0.1, -1e-300, 1e300, float("inf")]),
            )
            for _ in range(number)
        ],
    )


@pytest.mark.integration
@pytest.mark.parametrize("sort", SORTS)
async def test_pages_show_every_row_once_whatever_is_inserted(
    table: "asyncpg.Connection[asyncpg.Record]", sort: str
) -> None:
    """The rows that were there at the start come in order and without a repeat, while others are added all the time."""
    keyset = Keyset(KEYS, sort, ["me"])
    expected = [row["id"] for row in await table.fetch(f"SELECT id FROM item ORDER BY {keyset.order_by}")]
    dice = random.Random(8)
    seen: list[object] = []
    cursor: str | None = None
    while True:
        arguments: list[object] = []
        condition = keyset.after(cursor, arguments)
        rows = await table.fetch(f"SELECT * FROM item WHERE {condition} ORDER BY {keyset.order_by} LIMIT 8", *arguments)
        seen += [row["id"] for row in rows[:7]]
        cursor = keyset.next_cursor([dict(row) for row in rows], 7)
        if cursor is None:
            break
        await insert(table, 2, dice)
    assert len(set(seen)) == len(seen)
    old = set(expected)
    assert [row_id for row_id in seen if row_id in old] == expected

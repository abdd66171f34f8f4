"""Pages of lists, as statements."""

import random
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from shared.contracts.errors import Malformed
from shared.contracts.ids import new_id
from shared.runtime.keyset import Keyset, SortKey
from shared.runtime.page_query import Page, PageQuery

KEYS = {
    "created_at": SortKey("created_at", "timestamptz"),
    "name": SortKey("name", "text"),
    "sharpe": SortKey("sharpe", "float8", nullable=True),
}
SORTS = [sign + name for name in KEYS for sign in ("", "-")]
SCOPES: list[dict[str, object]] = [{"owner": "ann"}, {"place": "b", "owner": "ann"}, {"owner": "nobody"}, {}]
START = datetime(2026, 1, 2, tzinfo=UTC)
COLUMNS = "id, owner, place, created_at, name, sharpe"


def test_a_walk_is_in_the_order_of_its_index_alone() -> None:
    """From the cursor on, open at its other end, with all columns in one direction: there is no second way to it."""
    keyset = Keyset(KEYS, "-name", [])
    row = {"name": "abc", "id": new_id()}
    cursor = keyset.next_cursor([row, row], 1)
    query = PageQuery(keyset, "things:ann", cursor, 60)
    walk = query.walk("thing", "id, name", {"place": "b", "owner": "ann"}, condition="done")
    assert re.sub(r"\s+", " ", walk).strip() == (
        "(SELECT * FROM ( SELECT id, name FROM thing "
        "WHERE done AND (place, owner, name, id) < ($4, $5, $2::text::text, $3::uuid) "
        "ORDER BY place DESC, owner DESC, name DESC, id DESC LIMIT 61 ) AS walk "
        "WHERE place = $4 AND owner = $5 AND TRUE LIMIT 61)"
    )


@pytest.mark.parametrize(("limit", "entries", "walked"), [(1, 0, 51), (50, 0, 51), (200, 0, 201), (50, 500, 500)])
def test_a_walk_is_planned_for_a_page_at_least(limit: int, entries: int, walked: int) -> None:
    """Its length is part of the statement: for a parameter the planner would expect a tenth of the table."""
    query = PageQuery(Keyset(KEYS, "name", []), "things:ann", None, limit)
    assert f"LIMIT {walked}\n" in query.walk("thing", "id", {"owner": "ann"}, entries=entries)


def test_a_cursor_of_another_list_is_refused() -> None:
    """Before anything is sent."""
    with pytest.raises(Malformed):
        PageQuery(Keyset(KEYS, "name", []), "things:ann", "nonsense", 50)


@pytest.fixture
async def table(untouched_url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A table with many ties and gaps in its keys, and the versions of lists: this connection's own."""
    connection = await asyncpg.connect(untouched_url)
    await connection.execute("CREATE TEMP TABLE object_version (object text PRIMARY KEY, version bigint)")
    await connection.execute(
        "CREATE TEMP TABLE thing (id uuid PRIMARY KEY, owner text NOT NULL, place text NOT NULL,"
        " created_at timestamptz NOT NULL, name text NOT NULL, sharpe float8)"
    )
    await insert(connection, 250, random.Random(7))
    yield connection
    await connection.close()


async def insert(connection: "asyncpg.Connection[asyncpg.Record]", number: int, dice: random.Random) -> None:
    """Add rows of few distinct keys."""
    await connection.executemany(
        "INSERT INTO thing VALUES ($1, $2, $3, $4, $5, $6)",
        [
            (
                new_id(),
                dice.choice(["al", "ann", "anna"]),
                dice.choice("abc"),
                START + timedelta(microseconds=dice.randrange(5)),
                dice.choice(["a", "B", "\u00df", "'", ""]),
                dice.choice([None, 0.0, 0.1, -1e-300, 1e300, -2.5]),
            )
            for _ in range(number)
        ],
    )


async def fetch(
    connection: "asyncpg.Connection[asyncpg.Record]",
    sort: str,
    scope: Mapping[str, object],
    limit: int,
    cursor: str | None,
    **narrowed: object,
) -> Page:
    """Return a page of a list of things."""
    query = PageQuery(Keyset(KEYS, sort, [dict(scope)]), "things:ann", cursor, limit)
    if "part" in narrowed:
        matching = f"name = {query.argument(narrowed['part'])}"
        return await query.fetch(connection, query.walk("thing", COLUMNS, scope, matching=matching, entries=10_000))
    return await query.fetch(connection, query.walk("thing", COLUMNS, scope))


async def whole(
    connection: "asyncpg.Connection[asyncpg.Record]", sort: str, scope: Mapping[str, object], condition: str = "TRUE"
) -> list[object]:
    """Return the ids of the whole list in order, as plain SQL gives them."""
    where = " AND ".join([*(f"{column} = '{value}'" for column, value in scope.items()), condition])
    order = Keyset(KEYS, sort, []).order_by
    rows = await connection.fetch(f"SELECT id FROM thing WHERE {where} ORDER BY {order}")
    return [row["id"] for row in rows]


@pytest.mark.integration
@pytest.mark.parametrize("scope", SCOPES, ids=str)
@pytest.mark.parametrize("sort", SORTS)
async def test_pages_put_together_are_the_list(
    table: "asyncpg.Connection[asyncpg.Record]", sort: str, scope: Mapping[str, object]
) -> None:
    """Every row of the scope once and in order, NULLs last either way, whatever the size of a page; nobody else's."""
    expected = await whole(table, sort, scope)
    assert len(expected) > 20 or scope == {"owner": "nobody"}
    for limit in (1, 7, 60, 200):
        seen: list[object] = []
        cursor: str | None = None
        while True:
            page = await fetch(table, sort, scope, limit, cursor)
            seen += [row["id"] for row in page.rows]
            cursor = page.next_cursor
            if cursor is None:
                break
            assert len(page.rows) == limit
        assert seen == expected


@pytest.mark.integration
@pytest.mark.parametrize("sort", SORTS)
async def test_rows_that_come_in_between_disturb_no_page(
    table: "asyncpg.Connection[asyncpg.Record]", sort: str
) -> None:
    """The rows that were there at the start come in order and without a repeat, while others are added all the time."""
    scope = {"owner": "ann"}
    expected = await whole(table, sort, scope)
    dice = random.Random(8)
    seen: list[object] = []
    cursor: str | None = None
    while True:
        page = await fetch(table, sort, scope, 7, cursor)
        seen += [row["id"] for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
        await insert(table, 2, dice)
    assert len(set(seen)) == len(seen)
    old = set(expected)
    assert [row_id for row_id in seen if row_id in old] == expected


@pytest.mark.integration
@pytest.mark.parametrize("sort", SORTS)
async def test_a_list_can_be_narrowed_down(table: "asyncpg.Connection[asyncpg.Record]", sort: str) -> None:
    """To what matches, page after page."""
    scope = {"place": "b", "owner": "ann"}
    expected = await whole(table, sort, scope, "name = 'B'")
    seen: list[object] = []
    cursor: str | None = None
    while True:
        page = await fetch(table, sort, scope, 3, cursor, part="B")
        seen += [row["id"] for row in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == expected
    assert expected


@pytest.mark.integration
@pytest.mark.parametrize("sort", ["created_at", "-created_at", "name", "-name"])
async def test_a_query_without_a_walk_goes_on_at_the_same_place(
    table: "asyncpg.Connection[asyncpg.Record]", sort: str
) -> None:
    """`beyond` is the condition for what a walk would find there."""
    scope = {"owner": "ann"}
    expected = await whole(table, sort, scope)
    first = await fetch(table, sort, scope, 5, None)
    query = PageQuery(Keyset(KEYS, sort, [scope]), "things:ann", first.next_cursor, 200)
    page = await query.fetch(table, f"SELECT {COLUMNS} FROM thing WHERE owner = 'ann' AND {query.beyond()}")
    assert [row["id"] for row in page.rows] == expected[5:]
    query = PageQuery(Keyset(KEYS, sort, [scope]), "things:ann", None, 5)
    page = await query.fetch(table, f"SELECT {COLUMNS} FROM thing WHERE owner = 'ann' AND {query.beyond()}")
    assert page == first


@pytest.mark.integration
@pytest.mark.parametrize("scope", [{"owner": "ann"}, {"owner": "nobody"}, {}], ids=str)
@pytest.mark.parametrize("sort", SORTS)
async def test_the_list_has_a_version(
    table: "asyncpg.Connection[asyncpg.Record]", sort: str, scope: Mapping[str, object]
) -> None:
    """An empty one too; 0 before the first write."""
    assert (await fetch(table, sort, scope, 7, None)).version == 0
    await table.execute("INSERT INTO object_version VALUES ('things:ann', 41)")
    assert (await fetch(table, sort, scope, 7, None)).version == 41

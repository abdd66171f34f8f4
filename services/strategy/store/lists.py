"""Pages of an owner's strategies, in any order, and searches for parts of their names."""

import re

import msgspec

from services.strategy.store.strategies import COLUMNS
from shared.contracts.messages import ListStrategies
from shared.contracts.objects import strategies_object
from shared.contracts.values import Strategy, StrategyPage
from shared.runtime.database import Connection
from shared.runtime.keyset import Keyset, SortKey
from shared.runtime.page_query import Page, PageQuery

_SORT_KEYS = {
    "created_at": SortKey("created_at", "timestamptz"),
    "updated_at": SortKey("updated_at", "timestamptz"),
    "name": SortKey("name", "text"),
}

# So many pages' worth of rows a search looks through in the list's own order, before it asks for all that match.
_PAGES_SEARCHED_FIRST = 10

# What the index of name parts can find under every locale; without such a run it would have to be read whole.
_INDEXED = re.compile("[0-9A-Za-z]{3}")


async def list_strategies(connection: Connection, owner_id: str, asked: ListStrategies) -> tuple[StrategyPage, int]:
    """Return a page of an owner's strategies and the object version of the whole list. Raises Malformed."""
    if asked.q is None:
        query = _query(owner_id, asked)
        page = await query.fetch(connection, query.walk("strategies", COLUMNS, _scope(owner_id, asked)))
    else:
        page = await _search_first_rows(connection, owner_id, asked, asked.q)
        if page.next_cursor is None:
            page = await _search_all_rows(connection, owner_id, asked, asked.q)
    return StrategyPage(items=msgspec.convert(page.rows, list[Strategy]), next_cursor=page.next_cursor), page.version


def strategies_keyset(owner_id: str, asked: ListStrategies) -> Keyset:
    """Return the order of an owner's strategies as asked for; its cursors are no other list's."""
    return Keyset(_SORT_KEYS, asked.sort, [owner_id, asked.status, asked.q])


def _query(owner_id: str, asked: ListStrategies) -> PageQuery:
    return PageQuery(strategies_keyset(owner_id, asked), strategies_object(owner_id), asked.cursor, asked.limit)


def _scope(owner_id: str, asked: ListStrategies) -> dict[str, object]:
    return {"owner_id": owner_id} if asked.status is None else {"owner_id": owner_id, "status": asked.status}


async def _search_first_rows(connection: Connection, owner_id: str, asked: ListStrategies, part: str) -> Page:
    """Find what many names contain where it is found soon, at the head of the order. The page may be incomplete."""
    query = _query(owner_id, asked)
    rows = query.walk(
        "strategies",
        COLUMNS,
        _scope(owner_id, asked),
        matching=_contains(query.argument(part)),
        entries=_PAGES_SEARCHED_FIRST * asked.limit,
    )
    return await query.fetch(connection, rows)


async def _search_all_rows(connection: Connection, owner_id: str, asked: ListStrategies, part: str) -> Page:
    """Find what few names contain: all of them, by the index of name parts, and put them in order."""
    query = _query(owner_id, asked)
    where = {column: query.argument(value) for column, value in _scope(owner_id, asked).items()}
    if _INDEXED.search(part):
        pattern = "%" + re.sub(r"([\\%_])", r"\\\1", part) + "%"
        # Owner and status as an array: so the index of name parts has them, and no other index, of other things alone.
        place = f"{where['owner_id']}::uuid::text" + (f" || {where['status']}::text" if "status" in where else "")
        condition = f"ARRAY[owner_id::text, owner_id::text || status] @> ARRAY[{place}]"
        condition += f" AND lower(name) LIKE lower({query.argument(pattern)})"
    else:
        condition = " AND ".join(f"{column} = {value}" for column, value in where.items())
        condition += f" AND {_contains(query.argument(part))}"
    rows = f"SELECT {COLUMNS} FROM strategies WHERE {condition} AND {query.beyond()}"  # noqa: S608  # our own names and placeholders
    return await query.fetch(connection, rows)


def _contains(part: str) -> str:
    return f"strpos(lower(name), lower({part})) > 0"

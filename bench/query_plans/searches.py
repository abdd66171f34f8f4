"""Searches for parts of names, of all kinds that cost differently.

Each looks through the first 500 rows in order at most. When they make no page it reads all that match, too: by the
index of name parts, which has none of one or two characters, so that for those it reads the owner's whole list.
"""

from collections.abc import Sequence
from itertools import product
from typing import get_args

import msgspec

from bench.query_plans.pages import list_trial, walked
from bench.query_plans.population import BIGGEST, NOBODY, SMALL
from bench.query_plans.query import VERSION, Query, Trial
from services.strategy.store.lists import list_strategies
from shared.contracts.messages import ListStrategies, StrategySort
from shared.contracts.values import StrategyStatus
from shared.runtime.database import Connection

_SORTS: tuple[StrategySort, ...] = get_args(StrategySort)
_BY_TIME = tuple(sort for sort in _SORTS if not sort.endswith("name"))
_FIRST = walked(500)

_ORDERS = frozenset(f"strategies_by_{sort}" for sort in _SORTS if not sort.startswith("-"))
_INDEXES = _ORDERS | {order.replace("_by_", "_by_status_") for order in _ORDERS} | {VERSION}
_OF_NAMES = frozenset({"strategies_by_name", "strategies_by_status_name", VERSION})
_OF_PARTS = frozenset({"strategies_by_part_of_name"})

_FIRST_ROWS = "that of the order, its first 500 rows at most"
_BY_PARTS = f"{_FIRST_ROWS}; then `strategies_by_part_of_name`, all rows of the owner's that match"
_ALL_ROWS = "that of the order, all rows of the owner's"

_MATCHING = """
SELECT count(*) FROM strategies
WHERE owner_id = $1 AND strpos(lower(name), lower($2)) > 0 AND ($3::text IS NULL OR status = $3)
"""
_ALL = """
SELECT count(*) FROM strategies WHERE owner_id = $1 AND length($2) < 3 AND ($3::text IS NULL OR status = $3)
"""


async def queries(connection: Connection) -> list[Query]:
    """Return one query for each kind of search."""
    often = await _trials(connection, [BIGGEST], _SORTS, ["", "a"])
    often += await _trials(connection, [BIGGEST], _BY_TIME, ["DAILY"])
    owners = [BIGGEST, SMALL, NOBODY]
    seldom = await _trials(connection, owners, _SORTS, ["zephyr", "Zephyr #", "nothing like it"], _MATCHING)
    seldom += await _trials(connection, [BIGGEST], _SORTS, ["daily"], _MATCHING, ("dev", "production"))
    late = await _trials(connection, [BIGGEST], ["name"], ["pivot"], _MATCHING)
    late += await _trials(connection, [BIGGEST], ["-name"], ["DAILY"], _MATCHING)
    short = await _trials(connection, owners, _SORTS, ["qx", "#", "^"], _ALL)
    return [
        Query("strategies by what most names contain", "strategy", _INDEXES, often, _FIRST_ROWS),
        Query("strategies by what few names contain", "strategy", _INDEXES | _OF_PARTS, seldom, _BY_PARTS),
        Query("strategies by what only the last names contain", "strategy", _OF_NAMES | _OF_PARTS, late, _BY_PARTS),
        Query("strategies by one or two characters that few names contain", "strategy", _INDEXES, short, _ALL_ROWS),
    ]


async def _trials(
    connection: Connection,
    owners: Sequence[str],
    sorts: Sequence[StrategySort],
    parts: Sequence[str],
    all_of: str = "",
    statuses: Sequence[StrategyStatus | None] = (None, "draft"),
) -> list[Trial]:
    """Return trials of the first page; where all that match may be read, as many as `all_of` counts, the next too."""
    trials = []
    for owner, part, status in product(owners, parts, statuses):
        rows = _FIRST
        if all_of:
            rows += 1 + msgspec.convert(await connection.fetchval(all_of, owner, part, status), int)
        for sort in sorts:
            asked = ListStrategies(sort=sort, status=status, q=part)
            trials.append(list_trial(list_strategies, owner, asked, rows))
            page, _ = await list_strategies(connection, owner, asked)
            if all_of and page.next_cursor is not None:
                asked = msgspec.structs.replace(asked, cursor=page.next_cursor)
                trials.append(list_trial(list_strategies, owner, asked, rows))
    return trials

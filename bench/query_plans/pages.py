"""The pages of a list that are worth a look: where it begins, goes on, and ends."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from bench.query_plans.query import Trial
from bench.query_plans.recorder import Recorder
from shared.contracts.messages import ListBacktests, ListStrategies
from shared.runtime.database import Connection
from shared.runtime.keyset import Keyset

A = TypeVar("A")
Sorted = TypeVar("Sorted", ListBacktests, ListStrategies)
ListOf = Callable[[Connection, str, A], Awaitable[object]]

_SHORTEST_WALK = 51
_LIMITS = (1, 200)
_BEFORE_THE_END = 10


def walked(limit: int, walks: int = 1) -> int:
    """Return how many rows a page may read: those of its walks, and the list's version."""
    return walks * max(limit + 1, _SHORTEST_WALK) + 1


async def page_trials(
    connection: Connection, list_of: ListOf[Sorted], keyset: Keyset, owner: str, asked: Sorted, *, walks: int = 1
) -> list[Trial]:
    """Return trials of the first page, short and long ones too, of the next, of one near the end, and of the last.

    `keyset` is the list's own. Where NULLs come last, the end is where they begin.
    """
    first = await _rows(connection, list_of, owner, asked)
    backwards = await _rows(connection, list_of, owner, msgspec.structs.replace(asked, sort=_reversed(asked.sort)))
    near_end = keyset.next_cursor(backwards[_BEFORE_THE_END:], 1)
    cursors = [keyset.next_cursor(first, asked.limit), near_end]
    if near_end is not None:
        last = await _rows(connection, list_of, owner, msgspec.structs.replace(asked, cursor=near_end))
        cursors.append(keyset.next_cursor(last, asked.limit))
    pages = [asked]
    pages += [msgspec.structs.replace(asked, limit=limit) for limit in _LIMITS]
    pages += [msgspec.structs.replace(asked, cursor=cursor) for cursor in cursors if cursor is not None]
    return [list_trial(list_of, owner, page, walked(page.limit, walks)) for page in pages]


def list_trial(list_of: ListOf[A], owner: str, asked: A, rows: int) -> Trial:
    """Return the trial that lists what is asked for."""

    async def run(connection: Connection) -> None:
        await list_of(connection, owner, asked)

    return Trial(run, rows)


async def _rows(connection: Connection, list_of: ListOf[A], owner: str, asked: A) -> list[dict[str, object]]:
    recorder = Recorder(connection)
    await list_of(recorder, owner, asked)
    return [dict(row) for row in recorder.rows if row["id"] is not None]


def _reversed(sort: str) -> str:
    return sort.removeprefix("-") if sort.startswith("-") else f"-{sort}"

"""Cursors of a table in order of rank: the last row of the page before, in a form that clients do not look into."""

import base64
import math

import msgspec

from services.backtest.core.ranking import Rank
from shared.contracts.errors import Malformed

MOST_ROWS = 2**53


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    list_id: str
    value: str | None
    number: int


def cursor_behind(list_id: str, rank: Rank) -> str:
    """Return the cursor of the page behind `rank`; `list_id` names the table and what it is ordered by."""
    # As text a number is read back the same, whatever it is.
    cursor = _Cursor(list_id, None if math.isnan(rank.value) else repr(rank.value), rank.number)
    return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")


def rank_before(cursor: str | None, list_id: str) -> Rank | None:
    """Return where the page goes on; None without a cursor. Raises Malformed for one of another list."""
    if cursor is None:
        return None
    try:
        position = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=_Cursor)
        value = math.nan if position.value is None else float(position.value)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Malformed("The cursor is not one that this list gave out; start without it") from error
    if position.list_id != list_id or not 0 <= position.number < MOST_ROWS:
        raise Malformed("The cursor belongs to another sweep or another metric; start without it")
    return Rank(value, position.number)

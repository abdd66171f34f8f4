"""Cursors of a list that never changes: whose it is and how many rows came before, as text that clients do not read."""

import base64

import msgspec

from shared.contracts.errors import Malformed


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    list_id: str
    before: int


def cursor_after(list_id: str, before: int) -> str:
    """Return the cursor of the page that `before` rows come before; `list_id` names the list, filters and all."""
    return base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(list_id, before))).decode().rstrip("=")


def rows_before(cursor: str | None, list_id: str) -> int:
    """Return how many rows come before the page; 0 without a cursor. Raises Malformed for one of another list."""
    if cursor is None:
        return 0
    try:
        position = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=_Cursor)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Malformed("The cursor is not one that this list gave out; start without it") from error
    if position.list_id != list_id or position.before < 0:
        raise Malformed("The cursor belongs to another list, or to other filters; start without it")
    return position.before

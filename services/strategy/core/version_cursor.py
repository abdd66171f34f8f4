"""Cursors of the list of a strategy's versions, which only grows at its head: text that clients do not read."""

import base64

import msgspec

from shared.contracts.errors import Malformed

MAX_VERSION = 2**31 - 1
"""The highest version its column holds."""


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    strategy_id: str
    last: int


def cursor_after(strategy_id: str, last: int) -> str:
    """Return the cursor of the page that follows version `last`."""
    return base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(strategy_id, last))).decode().rstrip("=")


def newest_of_page(cursor: str | None, strategy_id: str) -> int:
    """Return the highest version that the page may show. Raises Malformed for a cursor of something else."""
    if cursor is None:
        return MAX_VERSION
    try:
        read = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=_Cursor)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Malformed("The cursor is not one that this list gave out; start without it") from error
    if read.strategy_id != strategy_id or not 1 < read.last <= MAX_VERSION:
        raise Malformed("The cursor belongs to another list; start without it")
    return read.last - 1

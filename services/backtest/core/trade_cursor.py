"""Cursors of a list of trades: the run and how many trades came before, in a form that clients do not look into."""

import base64

import msgspec

from shared.contracts.errors import Malformed


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    backtest_id: str
    before: int


def cursor_after(backtest_id: str, before: int) -> str:
    """Return the cursor of the page that `before` trades come before."""
    return base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(backtest_id, before))).decode().rstrip("=")


def trades_before(cursor: str | None, backtest_id: str) -> int:
    """Return how many trades come before the page; 0 without a cursor. Raises Malformed for one of another list."""
    if cursor is None:
        return 0
    try:
        position = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=_Cursor)
    except (ValueError, msgspec.MsgspecError) as error:
        raise Malformed("The cursor is not one that this list gave out; start without it") from error
    if position.backtest_id != backtest_id or position.before < 0:
        raise Malformed("The cursor belongs to another backtest; start without it")
    return position.before

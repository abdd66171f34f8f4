"""Keyset pagination: pages that stay stable while rows are inserted, at a cost that does not grow with the offset."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from shared.contracts.errors import Malformed
from shared.contracts.ids import is_id

_PYTHON_TYPE = {"text": str, "timestamptz": datetime, "float8": float}


class SortKey(msgspec.Struct, frozen=True):
    """A sortable column: its SQL, its SQL type, and whether it can be NULL, as only a number can. NULLs come last."""

    column: str
    sql_type: Literal["text", "timestamptz", "float8"]
    nullable: bool = False


class Position(msgspec.Struct, frozen=True):
    """Where the page before ended: the sort key of its last row as text (None for NULL), and the row's id."""

    key: str | None
    id: str


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    filters: str
    key: str | None
    id: str


class Keyset:
    """One list's order: `sort` names a key of `keys`, `-` before it for descending; ties break by `id` the same way."""

    def __init__(self, keys: Mapping[str, SortKey], sort: str, filters: object) -> None:
        self.name = sort.removeprefix("-")
        self.key = keys[self.name]
        self.descending = sort.startswith("-")
        self._filters = hashlib.sha256(msgspec.json.encode([sort, filters])).hexdigest()[:16]

    @property
    def direction(self) -> str:
        """ASC or DESC."""
        return "DESC" if self.descending else "ASC"

    @property
    def order_by(self) -> str:
        """The ORDER BY list of a page."""
        nulls = " NULLS LAST" if self.key.nullable else ""
        return f"{self.key.column} {self.direction}{nulls}, id {self.direction}"

    def position(self, cursor: str) -> Position:
        """Return where `cursor` goes on. Raises Malformed when this list, with this sort, did not give it out."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            read = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=_Cursor)
            if not (is_id(read.id) and self._gave_out(read.key)):
                raise ValueError(cursor)
        except (ValueError, msgspec.MsgspecError) as error:
            raise Malformed("The cursor is not one that this list gave out; start without it") from error
        if read.filters != self._filters:
            raise Malformed("The cursor belongs to other filters or another sort; start without it")
        return Position(read.key, read.id)

    def next_cursor(self, rows: Sequence[Mapping[str, object]], limit: int) -> str | None:
        """Return the cursor after row number `limit`, or None when `rows` (fetched with limit + 1) held no more."""
        if len(rows) <= limit:
            return None
        last = rows[limit - 1]
        cursor = _Cursor(self._filters, _as_text(last[self.key.column]), str(last["id"]))
        return base64.urlsafe_b64encode(msgspec.json.encode(cursor)).decode().rstrip("=")

    def _gave_out(self, key: str | None) -> bool:
        """Say whether `key` is spelled as `next_cursor` spells it: the database is then sure to read it."""
        if key is None:
            return self.key.nullable
        if self.key.sql_type == "text":
            return "\0" not in key
        value: object = msgspec.convert(key, _PYTHON_TYPE[self.key.sql_type], strict=False)
        return _as_text(value) == key and (not isinstance(value, datetime) or value.tzinfo == UTC)


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)

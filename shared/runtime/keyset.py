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
    """A sortable column: its SQL, its SQL type, and whether it can be NULL (NULLs come last)."""

    column: str
    sql_type: Literal["text", "timestamptz", "float8"]
    nullable: bool = False


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    filters: str
    key: str | None
    id: str


class Keyset:
    """One list's order: `sort` names a key of `keys`, `-` before it for descending; ties break by `id` the same way."""

    def __init__(self, keys: dict[str, SortKey], sort: str, filters: object) -> None:
        self.name = sort.removeprefix("-")
        self._key = keys[self.name]
        self._descending = sort.startswith("-")
        self._filters = hashlib.sha256(msgspec.json.encode([sort, filters])).hexdigest()[:16]

    @property
    def order_by(self) -> str:
        """The ORDER BY list; the index that serves it has the same columns in the same order."""
        direction = "DESC" if self._descending else "ASC"
        nulls = " NULLS LAST" if self._key.nullable else ""
        return f"{self._key.column} {direction}{nulls}, id {direction}"

    def after(self, cursor: str | None, arguments: list[object]) -> str:
        """Return the condition for rows after `cursor`, appending its values to `arguments` (the query's $1, $2, ...).

        Raises Malformed for a text that is no cursor, or one made for other filters or another sort.
        """
        if cursor is None:
            return "TRUE"
        position = self._decode(cursor)
        column, sign = self._key.column, "<" if self._descending else ">"
        arguments.append(position.id)
        at_id = f"${len(arguments)}::uuid"
        if position.key is None:
            return f"({column} IS NULL AND id {sign} {at_id})"
        arguments.append(position.key)
        at_key = f"${len(arguments)}::text::{self._key.sql_type}"
        beyond = f"({column}, id) {sign} ({at_key}, {at_id})"
        return f"({beyond} OR {column} IS NULL)" if self._key.nullable else beyond

    def next_cursor(self, rows: Sequence[Mapping[str, object]], limit: int) -> str | None:
        """Return the cursor after row number `limit`, or None when `rows` (fetched with limit + 1) held no more."""
        if len(rows) <= limit:
            return None
        last = rows[limit - 1]
        position = _Cursor(self._filters, _as_text(last[self._key.column]), str(last["id"]))
        return base64.urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")

    def _decode(self, cursor: str) -> _Cursor:
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            position = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=_Cursor)
            if not (is_id(position.id) and self._gave_out(position.key)):
                raise ValueError(cursor)
        except (ValueError, msgspec.MsgspecError) as error:
            raise Malformed("The cursor is not one that this list gave out; start without it") from error
        if position.filters != self._filters:
            raise Malformed("The cursor belongs to other filters or another sort; start without it")
        return position

    def _gave_out(self, key: str | None) -> bool:
        """Say whether `key` is spelled as `next_cursor` spells it: the database is then sure to read it."""
        if key is None:
            return self._key.nullable
        if self._key.sql_type == "text":
            return "\0" not in key
        value: object = msgspec.convert(key, _PYTHON_TYPE[self._key.sql_type], strict=False)
        return _as_text(value) == key and (not isinstance(value, datetime) or value.tzinfo == UTC)


def _as_text(value: object) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, datetime) else str(value)

"""One page of a list, as one statement that reads about a page of one index, whatever is in the table.

A list is a stretch of an index on (the columns it is filtered by, the sort key, id): where each of those columns has
its value. Its statement walks that index from a position on, for as many entries as the page may have, and drops what
lies beyond the stretch. So what a page reads depends neither on the data nor on what the planner believes of them: in
the order of all columns of one index it can use no other, and a condition that is open at one end never looks like a
few rows that might as well be sorted. Equality on each column does, when statistics are missing, old, or averaged into
a plan for any value: one row is expected where there are a hundred thousand, and every index that has some of the
columns seems as good as the right one.
"""

from collections.abc import Mapping

import msgspec

from shared.runtime.database import Connection
from shared.runtime.keyset import Keyset

# With fewer, a walk may seem dearer than another index and a sort, by the one level that its own index is higher.
_SHORTEST_WALK = 51


class Page(msgspec.Struct, frozen=True):
    """A page's rows, where the next page begins, and the object version of the whole list."""

    rows: list[dict[str, object]]
    next_cursor: str | None
    version: int


class PageQuery:
    """The statement of one page of the list that `list_object` names, while it is put together."""

    def __init__(self, keyset: Keyset, list_object: str, cursor: str | None, limit: int) -> None:
        """Raises Malformed for a cursor that this list did not give out."""
        self._keyset = keyset
        self._limit = limit
        self._arguments: list[object] = [list_object]
        self._start: tuple[str, str] | None = None
        self._among_nulls = False
        if cursor is not None:
            position = keyset.position(cursor)
            self._among_nulls = position.key is None
            key = "0" if self._among_nulls else f"{self.argument(position.key)}::text::{keyset.key.sql_type}"
            self._start = key, f"{self.argument(position.id)}::uuid"

    def argument(self, value: object) -> str:
        """Add an argument; returns its placeholder."""
        self._arguments.append(value)
        return f"${len(self._arguments)}"

    def walk(
        self,
        table: str,
        columns: str,
        scope: Mapping[str, object],
        *,
        condition: str = "TRUE",
        matching: str = "TRUE",
        entries: int = 0,
    ) -> str:
        """Return the query for the page's rows: of those where each column of `scope` has its value, of all for none.

        It needs an index on the columns of `scope` in their order, the sort key, and `id`, all ascending; for a key
        that can be NULL, `(key IS NULL), coalesce(key, 0)` in the key's place. `columns` are selected and have those of
        `scope` among them. `condition` is the index's own when it is a partial one, literally. `matching` narrows the
        list down without an index: it is asked of `entries` rows at most, after which the page stays short. Without it
        as many entries are read as the page may have rows: 51 at least, twice as many where NULLs begin.
        """
        where = {column: self.argument(value) for column, value in scope.items()}
        entries = max(entries, self._limit + 1, _SHORTEST_WALK)
        key = self._keyset.key.column
        ordered = f"coalesce({key}, 0)" if self._keyset.key.nullable else key

        def stretch(part: Mapping[str, str], start: tuple[str, str] | None) -> str:
            order = [*part, ordered, "id"]
            names, values = (order, [*part.values(), *start]) if start else ([*part], [*part.values()])
            sign = self._sign if start else f"{self._sign}="
            # Of a list that is filtered by nothing the first page begins where the index does.
            beginning = f"({', '.join(names)}) {sign} ({', '.join(values)})" if names else "TRUE"
            kept = [f"{column} = {value}" for column, value in part.items()]
            return f"""
            (SELECT * FROM (
                SELECT {columns} FROM {table}
                WHERE {condition} AND {beginning}
                ORDER BY {", ".join(f"{column} {self._keyset.direction}" for column in order)} LIMIT {entries}
            ) AS walk
            WHERE {" AND ".join([*kept, matching])}
            LIMIT {self._limit + 1})
            """  # noqa: S608  # made of our own names, numbers and placeholders

        if not self._keyset.key.nullable:
            return stretch(where, self._start)
        absent = {**where, f"({key} IS NULL)": "true"}
        if self._among_nulls:
            return stretch(absent, self._start)
        present = {**where, f"({key} IS NULL)": "false"}
        return stretch(present, self._start) + " UNION ALL " + stretch(absent, None)

    def beyond(self) -> str:
        """Return the condition for the rows of this page and later ones, where no sort key is NULL."""
        if self._start is None:
            return "TRUE"
        return f"({self._keyset.key.column}, id) {self._sign} ({', '.join(self._start)})"

    @property
    def _sign(self) -> str:
        return "<" if self._keyset.descending else ">"

    async def fetch(self, connection: Connection, rows: str) -> Page:
        """Run the query `rows` for this page. The list's version, which an empty list has too, comes with it."""
        query = f"""
        SELECT coalesce(o.version, 0) AS object_version, page.*
        FROM (SELECT $1::text AS object) AS asked
        LEFT JOIN object_version AS o USING (object)
        LEFT JOIN LATERAL ({rows}) AS page ON TRUE
        ORDER BY {self._keyset.order_by} LIMIT {self._limit + 1}
        """  # noqa: S608  # made of our own names, numbers and placeholders
        fetched = await connection.fetch(query, *self._arguments)
        found = [dict(row) for row in fetched if row["id"] is not None]
        return Page(found[: self._limit], self._keyset.next_cursor(found, self._limit), fetched[0]["object_version"])

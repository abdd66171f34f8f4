"""One page of a list, as one statement."""

from collections.abc import Iterable

from shared.runtime.keyset import Keyset


def page_query(table: str, columns: str, conditions: Iterable[str], keyset: Keyset, *, limit: int) -> str:
    """Return the query for a page and its list's object version: an empty list has one too.

    $1 is the list's object, `limit` the number of the placeholder that says how many rows to fetch. The first row's
    `object_version` is the list's; a row whose `id` is NULL stands for a page without rows.
    """
    return f"""
    SELECT coalesce(o.version, 0) AS object_version, page.*
    FROM (SELECT $1::text AS object) AS asked
    LEFT JOIN object_version AS o USING (object)
    LEFT JOIN LATERAL (
        SELECT {columns} FROM {table}
        WHERE {" AND ".join(conditions)}
        ORDER BY {keyset.order_by} LIMIT ${limit}
    ) AS page ON TRUE
    ORDER BY {keyset.order_by}
    """  # noqa: S608  # made of our own names and placeholders

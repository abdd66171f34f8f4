"""What the services tell of their tables, as one page each."""

from collections.abc import Iterable, Sequence

import msgspec

from shared.contracts.database_messages import (
    DATABASE_SERVICES,
    IndexPage,
    SlowQuery,
    SlowQueryPage,
    SlowQuerySort,
    TablePage,
    UpkeepBegun,
)
from shared.contracts.errors import NotFound

_FIGURES = {"total": "total_ms", "mean": "mean_ms", "max": "max_ms", "calls": "calls", "rows": "rows"}


def services_of(table: str | None) -> Sequence[str]:
    """Return who has a table, or any; each has the schema of its name. Raises NotFound for a schema of nobody's."""
    if table is None:
        return DATABASE_SERVICES
    schema = table.partition(".")[0]
    if schema not in DATABASE_SERVICES:
        raise NotFound(f"There is no table {table}")
    return [schema]


def all_tables(pages: Iterable[TablePage]) -> TablePage:
    """Return the tables of all, the largest first."""
    items = [table for page in pages for table in page.items]
    return TablePage(items=sorted(items, key=lambda table: (-table.total_bytes, table.schema, table.name)))


def all_indexes(pages: Iterable[IndexPage]) -> IndexPage:
    """Return the indexes of all, in order of their tables."""
    return IndexPage(items=[index for page in pages for index in page.items])


def all_slow_queries(pages: Sequence[SlowQueryPage], sort: SlowQuerySort, limit: int) -> SlowQueryPage:
    """Return the statements that took most of all; those of services that share a role are told by each."""
    found: dict[tuple[str, str], SlowQuery] = {(each.role, each.id): each for page in pages for each in page.items}
    slowest = sorted(found.values(), key=lambda each: float(getattr(each, _FIGURES[sort])), reverse=True)
    lacking = next((page for page in pages if not page.available), None)
    return msgspec.structs.replace(lacking or pages[0], items=slowest[:limit])


def all_begun(parts: Sequence[UpkeepBegun]) -> UpkeepBegun:
    """Return what was begun by all, as one."""
    tables = [table for part in parts for table in part.tables]
    left_out = [table for part in parts for table in part.left_out]
    finished = all(part.finished for part in parts)
    return UpkeepBegun(command=parts[0].command, tables=tables, finished=finished, left_out=left_out)

"""What Postgres really did for a statement: rows read, pages touched, time, by which indexes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import msgspec

from bench.query_plans.recorder import Statement
from shared.runtime.database import Connection

Mode = Literal["custom", "generic"]
MODES: tuple[Mode, ...] = ("custom", "generic")
"""Postgres plans a prepared statement for the values of each run, or, from the sixth run on, once for any values."""

# Their rows were read below them.
_NOT_FROM_TABLES = {
    "Bitmap Index Scan",
    "CTE Scan",
    "Function Scan",
    "Subquery Scan",
    "Values Scan",
    "WorkTable Scan",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """Rows read from tables, those filtered out included; pages of 8 kB touched; milliseconds; names of indexes."""

    rows: int
    buffers: int
    milliseconds: float
    indexes: frozenset[str]

    def __add__(self, other: "Reading") -> "Reading":
        return Reading(
            self.rows + other.rows,
            self.buffers + other.buffers,
            self.milliseconds + other.milliseconds,
            self.indexes | other.indexes,
        )


NOTHING = Reading(0, 0, 0.0, frozenset())


async def explain(connection: Connection, statement: Statement, mode: Mode) -> Reading:
    """Run a statement as a prepared one, planned in this mode, and say what it took."""
    await connection.execute(f"SET plan_cache_mode = force_{mode}_plan")
    await connection.execute(f"PREPARE explained AS {statement.query}")
    try:
        return await explain_prepared(connection, "explained", statement.arguments)
    finally:
        await connection.execute("DEALLOCATE explained")


async def explain_prepared(connection: Connection, name: str, arguments: Sequence[object]) -> Reading:
    """Run a statement that is prepared under this name, however Postgres plans it, and say what it took."""
    values = f"({', '.join(map(_literal, arguments))})" if arguments else ""
    answer = await connection.fetchval(f'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE "{name}" {values}')
    (explained,) = msgspec.convert(answer, list[dict[str, object]])
    plan = msgspec.convert(explained["Plan"], dict[str, object])
    return Reading(
        rows=round(sum(map(_rows, _nodes(plan)))),
        buffers=_number(plan, "Shared Hit Blocks") + _number(plan, "Shared Read Blocks"),
        milliseconds=msgspec.convert(explained["Execution Time"], float),
        indexes=frozenset(str(node["Index Name"]) for node in _nodes(plan) if "Index Name" in node),
    )


def _nodes(plan: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    yield plan
    for child in msgspec.convert(plan.get("Plans", []), list[dict[str, object]]):
        yield from _nodes(child)


def _rows(node: Mapping[str, object]) -> float:
    kind = str(node["Node Type"])
    if not kind.endswith("Scan") or kind in _NOT_FROM_TABLES:
        return 0.0
    counts = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    return sum(msgspec.convert(node.get(count, 0), float) for count in counts) * _number(node, "Actual Loops")


def _number(node: Mapping[str, object], name: str) -> int:
    return msgspec.convert(node[name], int)


def _literal(value: object) -> str:
    """Return a value as EXECUTE takes it: text in quotes, which Postgres converts to the parameter's own type."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"'\\x{value.hex()}'"
    if isinstance(value, datetime):
        text = value.isoformat()
    elif isinstance(value, list):
        text = "{" + ",".join(json.dumps(str(item)) for item in value) + "}"
    elif isinstance(value, str | int | float):
        text = str(value)
    else:
        text = msgspec.json.encode(value).decode()
    return "'" + text.replace("'", "''") + "'"

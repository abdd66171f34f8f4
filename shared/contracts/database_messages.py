"""Requests about a service's tables in Postgres, of administrators; `messages` has them all."""

from datetime import datetime
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from shared.contracts.request import Request
from shared.contracts.values import Value

UpkeepCommand = Literal["analyze", "vacuum"]
"""`analyze` refreshes the planner's statistics; `vacuum` frees the space of dead rows as well."""

IndexCondition = Literal["valid", "missing", "invalid", "different", "undeclared"]
"""How an index is beside its declaration. `invalid`: its making was interrupted; `undeclared`: somebody else's."""

SlowQuerySort = Literal["total", "mean", "max", "calls", "rows"]
TableName = Annotated[str, Meta(pattern=r"^[a-z_][a-z0-9_]{0,62}\.[a-z_][a-z0-9_]{0,62}$")]
"""`<schema>.<table>`."""


class Progress(Value, frozen=True, kw_only=True):
    """A VACUUM or ANALYZE that is at a table now; `fraction` is of its phase's blocks, null where it counts none."""

    command: UpkeepCommand
    phase: str
    fraction: float | None


class TableState(Value, frozen=True, kw_only=True):
    """One table. `rows_estimate` is null before the first ANALYZE; `rows` is counted, null unless that was asked for.

    `table_bytes` are of its rows, `toast_bytes` of values too long for them, `total_bytes` of all. `dead_rows` are
    those that no transaction sees any more; `changed_rows` have changed since the last ANALYZE. `spare_bytes_estimate`
    is what its rows would not need if they were packed, null without statistics. `hints` say what to do.
    """

    schema: str
    name: str
    rows_estimate: int | None
    rows: int | None
    total_bytes: int
    table_bytes: int
    toast_bytes: int
    index_bytes: int
    dead_rows: int
    changed_rows: int
    spare_bytes_estimate: int | None
    vacuumed_at: datetime | None
    analyzed_at: datetime | None
    running: Progress | None
    hints: list[str]


class TablePage(Value, frozen=True, kw_only=True):
    """Every table of the services, the largest first; there is no second page."""

    items: list[TableState]
    next_cursor: str | None = None


class IndexState(Value, frozen=True, kw_only=True):
    """One index. `definition` is the one it has, or should have when it is missing; `declared` is the release's.

    `scans` were counted since `counted_since`, null for as long as the database is there; `unused` says that there were
    none, and never of an index that keeps rows unique. `spare_bytes_estimate` is what its keys would not need in an
    index made anew, null for one that is no B-tree, or of whose columns who asks sees no statistics.
    """

    schema: str
    table: str
    name: str
    condition: IndexCondition
    definition: str
    declared: str | None
    unique: bool
    bytes: int
    spare_bytes_estimate: int | None
    scans: int
    last_scan_at: datetime | None
    counted_since: datetime | None
    unused: bool
    hints: list[str]


class IndexPage(Value, frozen=True, kw_only=True):
    """Every index that is declared or there; there is no second page."""

    items: list[IndexState]
    next_cursor: str | None = None


class SlowQuery(Value, frozen=True, kw_only=True):
    """One statement, its constants replaced by parameters, and what all its runs took. Blocks are of 8 kB."""

    id: str
    role: str
    query: str
    calls: int
    total_ms: float
    mean_ms: float
    max_ms: float
    stddev_ms: float
    rows: int
    blocks_hit: int
    blocks_read: int
    blocks_spilled: int


class SlowQueryPage(Value, frozen=True, kw_only=True):
    """The statements that took most. When the server does not count them, `advice` says what to do about it."""

    available: bool
    advice: str | None
    counted_since: datetime | None
    items: list[SlowQuery]
    next_cursor: str | None = None


class UpkeepBegun(Value, frozen=True, kw_only=True):
    """What was begun, on which tables. `finished` when it ended while the client waited.

    Then `left_out` are those of the tables that were not done, because somebody else had them locked for too long.
    """

    command: UpkeepCommand
    tables: list[str]
    finished: bool
    left_out: list[str] = []


class DescribeTables(Request[TablePage], frozen=True, kw_only=True):
    """Describe the service's tables; `exact` has their rows counted, of those that can be in the time there is."""

    SERVICE: ClassVar[str] = "any"
    METHOD: ClassVar[str] = "database.tables"
    exact: bool = False


class DescribeIndexes(Request[IndexPage], frozen=True, kw_only=True):
    """Describe the service's indexes, and how they are beside those that the release declares."""

    SERVICE: ClassVar[str] = "any"
    METHOD: ClassVar[str] = "database.indexes"


class ListSlowQueries(Request[SlowQueryPage], frozen=True, kw_only=True):
    """List the service's statements that took most."""

    SERVICE: ClassVar[str] = "any"
    METHOD: ClassVar[str] = "database.slow_queries"
    sort: SlowQuerySort = "total"
    limit: Annotated[int, Meta(ge=1, le=200)] = 20


class Upkeep(Request[UpkeepBegun], frozen=True, kw_only=True):
    """Analyze or vacuum one of the service's tables, or all, and wait for the end for so many seconds."""

    SERVICE: ClassVar[str] = "any"
    METHOD: ClassVar[str] = "database.upkeep"
    command: UpkeepCommand
    table: TableName | None = None
    wait: Annotated[float, Meta(ge=0, le=30)] = 0.0


DATABASE_SERVICES = ("strategy", "backtest")
"""Who has tables: each in a schema of its own name."""

"""What is made of EXPLAIN's answers."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bench.query_plans.measuring import connected
from bench.query_plans.plan import NOTHING, Reading, explain
from bench.query_plans.query import Query, Result, Trial, measure
from bench.query_plans.recorder import Recorder, Statement
from bench.query_plans.tables import names_table, readings_table
from shared.runtime.database import Connection, Database

pytestmark = pytest.mark.integration


@pytest.fixture
async def database(owner_url: str) -> AsyncIterator[Database]:
    """A schema with a table of 1,000 rows, 100 of each kind, and the rows' numbers indexed."""
    async with connected(owner_url, "backtest") as database:
        async with database.reading() as connection:
            await connection.execute(
                "CREATE TABLE thing AS SELECT n, n % 10 AS kind FROM generate_series(1, 1000) AS n"
            )
            await connection.execute("CREATE INDEX thing_by_n ON thing (n)")
            await connection.execute("ANALYZE thing")
        yield database


@pytest.mark.parametrize(
    ("query", "arguments", "rows", "indexes"),
    [
        ("SELECT FROM thing", (), 1000, set()),
        ("SELECT FROM thing WHERE kind = $1", (3,), 1000, set()),
        ("SELECT FROM thing WHERE n = $1", (3,), 1, {"thing_by_n"}),
        ("SELECT FROM thing WHERE n BETWEEN $1 AND $2 AND kind = 3", (11, 30), 20, {"thing_by_n"}),
        ("SELECT FROM (SELECT FROM thing ORDER BY n LIMIT 7) AS first", (), 7, {"thing_by_n"}),
        (
            "SELECT FROM generate_series(1, 5) AS g, LATERAL (SELECT FROM thing WHERE n <= g ORDER BY n LIMIT 9) AS t",
            (),
            15,
            {"thing_by_n"},
        ),
        ("UPDATE thing SET kind = 0 WHERE n = $1", (3,), 1, {"thing_by_n"}),
    ],
)
async def test_rows_read_are_counted_where_they_are_read(
    database: Database, query: str, arguments: tuple[object, ...], rows: int, indexes: set[str]
) -> None:
    """Those that a filter drops too, each as often as it is read, and none again on its way up."""
    async with database.reading() as connection:
        reading = await explain(connection, Statement(query, arguments), "custom")
    assert reading.rows == rows
    assert reading.indexes == indexes
    assert 0 < reading.buffers < 200


async def test_rows_of_a_bitmap_are_counted_in_the_table(database: Database) -> None:
    """Not in the index as well."""
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL enable_indexscan = off")
        await connection.execute("SET LOCAL enable_indexonlyscan = off")
        await connection.execute("SET LOCAL enable_seqscan = off")
        reading = await explain(connection, Statement("SELECT kind FROM thing WHERE n < 21", ()), "custom")
    assert reading.rows == 20
    assert reading.indexes == {"thing_by_n"}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 'it\'s a \\ "quoted" $1'),
        ("text", None),
        ("integer", -3),
        ("float8", 1e-300),
        ("boolean", True),
        ("timestamptz", datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)),
        ("bytea", b"\x00'\\"),
        ("text[]", ["a", 'b"\\', "c,d", ""]),
        ("bigint[]", [1, 2]),
        ("json", {"a": [1, "it's"]}),
    ],
)
async def test_arguments_reach_the_statement_as_they_are(database: Database, kind: str, value: object) -> None:
    """A statement that is explained is run with the very values the service sent."""
    async with database.transaction() as connection:
        await connection.execute(f"CREATE TEMP TABLE kept (value {kind})")
        await explain(connection, Statement("INSERT INTO kept VALUES ($1)", (value,)), "generic")
        assert await connection.fetchval("SELECT value FROM kept") == value


async def test_both_ways_of_planning_are_tried(database: Database) -> None:
    """The one that knows the value leaves a condition out, for the other each row has to be looked at."""
    statement = Statement("SELECT FROM thing WHERE n = 7 OR $1", (False,))
    async with database.reading() as connection:
        readings = [await explain(connection, statement, mode) for mode in ("custom", "generic")]
    assert [reading.rows for reading in readings] == [1, 1000]


async def test_what_is_measured_is_what_was_sent_and_nothing_stays(database: Database) -> None:
    """Each statement of a use is explained, after what has to be there before, and rolled back."""

    async def before(connection: Connection) -> None:
        await connection.execute("INSERT INTO thing SELECT 5000, 1 FROM generate_series(1, 3)")

    async def use(connection: Connection) -> None:
        assert await connection.fetchval("SELECT count(*) FROM thing WHERE n = $1", 5000) == 3
        assert await connection.execute("DELETE FROM thing WHERE n = $1", 5000) == "DELETE 3"
        assert await connection.fetchrow("SELECT FROM thing WHERE n = $1", 5000) is None

    query = Query("q", "backtest", frozenset({"thing_by_n"}), [Trial(use, 9, before=before)])
    result = await measure(database, query)
    assert [reading.rows for _, reading in result.readings] == [6, 6]
    assert result.faults(indexes="all its own") == []
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM thing") == 1000


async def test_a_recorder_is_the_connection_it_records(database: Database) -> None:
    """Answers come from it, and the last rows can be looked at."""
    async with database.reading() as connection:
        recorder = Recorder(connection)
        assert await recorder.fetchval("SELECT n FROM thing WHERE n = $1", 4) == 4
        assert await recorder.fetchval("SELECT n FROM thing WHERE n = 0") is None
        assert [row["n"] for row in await recorder.fetch("SELECT n FROM thing WHERE n < 3 ORDER BY n")] == [1, 2]
    assert [row["n"] for row in recorder.rows] == [1, 2]
    assert recorder.statements[0] == Statement("SELECT n FROM thing WHERE n = $1", (4,))


async def _nothing(_: Connection) -> None: ...


READING = Reading(rows=52, buffers=60, milliseconds=0.1, indexes=frozenset({"a", "b"}))
QUERY = Query("things by name", "backtest", frozenset({"a", "b"}), [Trial(_nothing, rows=52)])


@pytest.mark.parametrize(
    ("change", "indexes", "fault"),
    [
        ({}, "all its own", None),
        ({"rows": 53}, "any", "reads 53 rows, may read 52"),
        ({"buffers": 119}, "any", "touches 119 pages, may touch 118"),
        ({"indexes": frozenset({"a"})}, "its own", None),
        ({"indexes": frozenset({"a"})}, "all its own", "uses a, should use a, b"),
        ({"indexes": frozenset({"a", "c"})}, "any", None),
        ({"indexes": frozenset({"a", "c"})}, "its own", "uses a, c, should use a, b"),
        ({"indexes": frozenset()}, "all its own", "uses no index, should use a, b"),
    ],
)
def test_what_a_query_may_not_do_is_said(change: dict[str, object], indexes: str, fault: str | None) -> None:
    """Once, with its name."""
    reading = dataclasses.replace(READING, **change)  # type: ignore[arg-type]  # fields by name
    result = Result(QUERY, ((QUERY.trials[0], reading), (QUERY.trials[0], reading)))
    faults = result.faults(indexes=indexes)  # type: ignore[arg-type]  # one of its words
    assert faults == ([] if fault is None else [f"things by name: {fault}"])


def test_readings_add_up() -> None:
    """For uses of more than one statement."""
    assert NOTHING + READING == READING
    assert (READING + READING).rows == 104


def test_the_tables_have_a_line_for_each_query() -> None:
    """With the worst reading at each size; the documents' one has only queries with an index to name."""
    worse = dataclasses.replace(READING, rows=50, buffers=70, milliseconds=0.3)
    small = Result(QUERY, ((QUERY.trials[0], READING),))
    large = Result(QUERY, tuple((QUERY.trials[0], reading) for reading in (READING, worse, worse)))
    assert readings_table({1000: [small], 100_000: [large]}).splitlines()[2:] == [
        "| things by name | `a`, `b` | 52 | 52 rows, 60 pages, 0.10 ms | 52 rows, 70 pages, 0.30 ms |"
    ]
    other = dataclasses.replace(QUERY, name="things by place", indexes=frozenset({"d"}))
    told = dataclasses.replace(QUERY, name="things by part", remark="`a`, then all")
    assert names_table([QUERY, other, told], ["a"]).splitlines()[2:] == [
        "| things by name | `a` |",
        "| things by part | `a`, then all |",
    ]

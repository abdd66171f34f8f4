"""Statements as spans."""

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from shared.runtime import context
from shared.runtime.context import Handling
from shared.runtime.database import Database
from shared.runtime.settings import DatabaseSettings
from shared.runtime.tests.eventually import eventually
from shared.runtime.tracing.query_spans import LONGEST, described
from shared.runtime.tracing.tests.recording import FOREIGN, SPAN, Recorder, parent_of


@pytest.mark.parametrize(
    ("statement", "summary", "text"),
    [
        ("BEGIN;", "BEGIN", "BEGIN"),
        ("\n SELECT a,\n\tb FROM jobs WHERE c = $1\n", "SELECT jobs", "SELECT a, b FROM jobs WHERE c = $1"),
        ("insert into outbox (a) values ('it''s', $2)", "INSERT outbox", "insert into outbox (a) values (?, $2)"),
        ("UPDATE strategy.users SET a = $1", "UPDATE strategy.users", "UPDATE strategy.users SET a = $1"),
        ("DELETE FROM sessions", "DELETE sessions", "DELETE FROM sessions"),
        ("SELECT pg_notify($1, '')", "SELECT", "SELECT pg_notify($1, ?)"),
        ("SELECT x FROM unnest($1::text[]) AS x", "SELECT", "SELECT x FROM unnest($1::text[]) AS x"),
    ],
)  # fmt: skip
def test_a_statement_is_named_by_what_it_does_and_to_what(statement: str, summary: str, text: str) -> None:
    """Its text stands on one line, and what is quoted in it is not shown."""
    name, attributes = described(statement)
    assert name == summary
    assert attributes == {
        "db.system.name": "postgresql",
        "db.operation.name": summary.partition(" ")[0],
        "db.query.summary": summary,
        "db.query.text": text,
    }


def test_a_long_statement_is_cut() -> None:
    """A span is no place for pages of SQL."""
    assert len(str(described(f"SELECT {'a' * 9000}")[1]["db.query.text"])) == LONGEST


@pytest.mark.integration
async def test_the_statements_of_a_request_are_in_its_trace(database_url: str) -> None:
    """Those of its transaction with its beginning and its end; never a value; and none that came of no request."""
    recorder = Recorder()
    database = Database(DatabaseSettings(database_url=database_url), "strategy", tracer=recorder.tracer)
    await database.connect()
    try:
        async with database.reading() as connection:
            await connection.fetchval("SELECT 'of nobody'")
        with context.during(Handling(traceparent=FOREIGN)):
            async with database.transaction() as transaction:
                await transaction.execute("SELECT set_config('a.b', $1, true)", "a secret value")
            with pytest.raises(Exception, match="division"):
                async with database.reading() as connection:
                    await connection.fetch("SELECT 1 / $1::int", 0)

        async def all_told() -> bool:
            return len(recorder.spans) == 4

        await eventually(all_told)
    finally:
        await database.close()
    begin, select, commit, failed = recorder.spans
    assert [span.name for span in recorder.spans] == ["BEGIN", "SELECT", "COMMIT", "SELECT"]
    assert {parent_of(span) for span in recorder.spans} == {SPAN}
    assert {span.kind for span in recorder.spans} == {SpanKind.CLIENT}
    assert select.attributes is not None
    assert select.attributes["db.query.text"] == "SELECT set_config(?, $1, true)"
    assert str(select.attributes["db.namespace"]).endswith("|strategy")
    assert select.attributes["server.address"] == "127.0.0.1"
    assert failed.attributes is not None
    assert failed.attributes["db.response.status_code"] == "22012"
    assert failed.attributes["error.type"] == "DivisionByZeroError"
    assert (begin.status.status_code, failed.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
    assert "a secret value" not in "".join(span.to_json() for span in recorder.spans)
    assert commit.end_time is not None

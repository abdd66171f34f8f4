"""Every query reads what it gives out, and no more however much there is."""

import dataclasses
import re
from collections.abc import Iterable, Sequence
from typing import Literal

import asyncpg
import pytest

from bench.query_plans.measuring import connected, measured, queries_of
from bench.query_plans.plan import explain_prepared
from bench.query_plans.population import BIGGEST, FAILING, MAIN
from bench.query_plans.query import Query
from bench.query_plans.recorder import Recorder
from bench.query_plans.rows import INDEXES
from bench.query_plans.tables import names_table
from services.backtest.store.backtests import list_backtests
from shared.contracts.messages import ListBacktests
from tests.databases import execute
from tests.query_plans.conftest import ROOT

pytestmark = pytest.mark.integration

TRIALS = 16
"""Of each query, in the tests that take seconds."""


SPARED_BY_SKIPPING = {"outbox_unsequenced"}
"""From Postgres 18 on another index serves as well: it skips from stream to stream, of which there are few."""


def some_trials(queries: Iterable[Query], number: int = TRIALS) -> list[Query]:
    """Return the queries with so many of their trials, evenly chosen."""
    return [
        dataclasses.replace(query, trials=query.trials[:: max(1, len(query.trials) // number)]) for query in queries
    ]


def lists_among(queries: Iterable[Query]) -> list[Query]:
    """Return those that are one walk along an index, as lists are but not searches."""
    return [query for query in queries if " by " in query.name and not query.remark]


async def faults_of(
    url: str, queries: Sequence[Query], indexes: Literal["any", "its own", "all its own"] = "its own"
) -> list[str]:
    """Return all that the queries do wrong."""
    results = await measured(url, queries)
    return [fault for result in results for fault in result.faults(indexes=indexes)]


async def test_each_query_reads_what_it_gives_out(loaded_url: str) -> None:
    """By its own indexes, planned for its values or for any."""
    assert await faults_of(loaded_url, some_trials(await queries_of(loaded_url))) == []


async def test_the_planner_need_not_know_the_data(unknown_url: str) -> None:
    """Nor the disk: without any statistics, and with Postgres's own costs, lists are read by the same indexes."""
    await execute(unknown_url, f"ALTER DATABASE {unknown_url.rpartition('/')[2]} SET random_page_cost = 4")
    lists = lists_among(await queries_of(unknown_url))
    assert len(lists) > 30
    assert await faults_of(unknown_url, some_trials(lists)) == []


async def test_each_index_is_needed(loaded_url: str) -> None:
    """Without it a query that has it reads more than it may: a lost index is noticed, and none is there for nothing."""
    queries = await queries_of(loaded_url)
    connection = await asyncpg.connect(loaded_url)
    try:
        indexes = await connection.fetch(INDEXES)
        assert len(indexes) > 30
        for service, index, name, definition in indexes:
            using = [query for query in queries if query.service == service and index in query.indexes]
            assert using, f"no query uses {name}"
            if index in SPARED_BY_SKIPPING:
                continue
            await connection.execute(f"DROP INDEX {name}")
            try:
                faults = await faults_of(loaded_url, some_trials(using, 4), "any")
            finally:
                await connection.execute(definition)
            assert faults, f"nothing is worse without {name}"
    finally:
        await connection.close()


async def test_the_documents_name_every_index(loaded_url: str) -> None:
    """ARCHITECTURE.md has the table as it is printed by `python -m bench.query_plans names`, and it names them all."""
    connection = await asyncpg.connect(loaded_url)
    try:
        indexes = {row["index"] for row in await connection.fetch(INDEXES)}
    finally:
        await connection.close()
    table = names_table(await queries_of(loaded_url), indexes)
    assert set(re.findall(r"`(\w+)`", table)) == indexes
    assert table in (ROOT / "ARCHITECTURE.md").read_text()


async def test_the_statement_of_the_service_itself(loaded_url: str) -> None:
    """Run so often that Postgres has chosen one of its two ways of planning, a page is still a page."""
    asked = ListBacktests(strategy_id=FAILING, dataset_id=MAIN, sort="-sharpe")
    async with connected(loaded_url, "backtest") as database, database.transaction() as connection:
        recorder = Recorder(connection)
        for _ in range(8):
            await list_backtests(recorder, BIGGEST, asked)
        (statement,) = set(recorder.statements)
        prepared = await connection.fetchrow(
            "SELECT name, generic_plans + custom_plans AS plans FROM pg_prepared_statements WHERE statement = $1",
            statement.query,
        )
        assert prepared is not None
        assert prepared["plans"] == 8
        reading = await explain_prepared(connection, prepared["name"], statement.arguments)
    assert reading.rows <= 2 * 51 + 1
    assert reading.indexes == {"backtests_by_strategy_and_dataset_sharpe", "object_version_pkey"}


@pytest.mark.long
async def test_a_million_runs_of_a_thousand_owners(crowded_url: str) -> None:
    """Every filter, every order, every kind of page: no more rows than among a few, with statistics and without."""
    queries = await queries_of(crowded_url)
    assert await faults_of(crowded_url, lists_among(queries), "all its own") == []
    await execute(crowded_url, "ANALYZE")
    assert await faults_of(crowded_url, queries, "all its own") == []


async def test_every_foreign_key_has_an_index(loaded_url: str) -> None:
    """Whose first columns it is: deleting a row would read the whole table that refers to it."""
    connection = await asyncpg.connect(loaded_url)
    try:
        rows = await connection.fetch(_WITHOUT_INDEX)
        assert await connection.fetchval("SELECT count(*) FROM pg_constraint WHERE contype = 'f'") > 5
    finally:
        await connection.close()
    assert [row["conname"] for row in rows] == []


_WITHOUT_INDEX = """
SELECT conname FROM pg_constraint AS c
WHERE contype = 'f' AND NOT EXISTS (
    SELECT FROM pg_index AS i
    WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
      AND (SELECT array_agg(key ORDER BY key) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (key, place)
           WHERE place <= cardinality(c.conkey)) = (SELECT array_agg(key ORDER BY key) FROM unnest(c.conkey) AS key)
)
"""

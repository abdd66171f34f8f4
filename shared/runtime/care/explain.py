"""Explains a SELECT: how the planner would run it, or, when it is asked for, how it ran. Nothing is changed by it."""

import re

import asyncpg
import msgspec

from shared.contracts.errors import Invalid
from shared.runtime.care.session import Connection

_BEGINS = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*(?:SELECT|WITH|VALUES|TABLE)\b", re.IGNORECASE | re.DOTALL)
_WRITES = ("ModifyTable", "LockRows")
_NAME = "aurelius_explained"
_PARAMETERS = "SELECT coalesce(cardinality(parameter_types), 0) FROM pg_prepared_statements WHERE name = $1"


async def explain(
    connection: Connection, schema: str, query: str, *, analyze: bool, seconds: float, as_json: bool = False
) -> list[str]:
    """Return the plan's lines; with `analyze` the query is run, for so many seconds at most, and its figures are real.

    In a transaction that may only read and is rolled back, with the names of `schema`. A query with parameters ($1), as
    those of slow queries are, is planned for any values. Raises Invalid for what is not one SELECT, or is none that can
    be explained, and asyncpg.QueryCanceledError when the time is up.
    """
    if not _BEGINS.match(query):
        raise Invalid("Only a SELECT can be explained: the statement must begin with SELECT, WITH, VALUES or TABLE")
    transaction = connection.transaction(readonly=True)
    await transaction.start()
    try:
        await connection.execute(f"SET LOCAL statement_timeout = '{max(1, round(seconds * 1000))}ms'")
        await connection.execute("SELECT set_config('search_path', quote_ident($1), true)", schema)
        return await _explained(connection, query, analyze, "JSON" if as_json else "TEXT")
    except asyncpg.QueryCanceledError:
        raise
    except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise Invalid(f"It cannot be explained: {error}") from error
    finally:
        await transaction.rollback()
        await connection.execute("DEALLOCATE ALL")


async def _explained(connection: Connection, query: str, analyze: bool, form: str) -> list[str]:
    # Prepared, because nothing else than a query can be; and with `fetch`, whose protocol takes one statement alone.
    await connection.fetch(f"PREPARE {_NAME} AS {query}")
    parameters = int(str(await connection.fetchval(_PARAMETERS, _NAME)))
    if parameters and analyze:
        raise Invalid("A query with parameters cannot be run: write values in their places, or leave --analyze out")
    if parameters:
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
    else:  # refuses what begins like a SELECT and is none, as SELECT INTO; nothing is fetched from it
        await connection.fetch(f"DECLARE {_NAME} NO SCROLL CURSOR FOR {query}")
        await connection.execute(f"CLOSE {_NAME}")
    execute = f"EXECUTE {_NAME}" + (f"({', '.join(['NULL'] * parameters)})" if parameters else "")
    plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) {execute}")
    if found := next((node for node in _nodes(msgspec.json.decode(str(plan))) if node in _WRITES), None):
        raise Invalid(f"Only a SELECT can be explained, and this one would change or lock rows ({found})")
    rows = await connection.fetch(
        f"EXPLAIN (FORMAT {form}, {'ANALYZE, ' if analyze else ''}BUFFERS, SETTINGS) {execute}"
    )
    return [str(row[0]) for row in rows]


def _nodes(plan: object) -> list[str]:
    """Return the types of all nodes of a plan."""
    if isinstance(plan, list):
        return [node for each in plan for node in _nodes(each)]
    if isinstance(plan, dict):
        own = [str(plan["Node Type"])] if "Node Type" in plan else []
        return own + [node for each in plan.values() if isinstance(each, list | dict) for node in _nodes(each)]
    return []

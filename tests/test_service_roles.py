"""Each service's own role in Postgres reaches its own tables, and nothing else of the database."""

import importlib

import asyncpg
import pytest

from shared.runtime.migrations.privileges import Grants
from tests.databases import ask, execute, rights_on, service_url

pytestmark = pytest.mark.integration

EACH_SERVICE = pytest.mark.parametrize(("service", "other"), [("strategy", "backtest"), ("backtest", "strategy")])
_TABLES = "SELECT array_agg(tablename::text) FROM pg_tables WHERE schemaname = $1 AND tablename <> 'alembic_version'"


def grants_of(service: str) -> Grants:
    """Return what a service declares."""
    grants: Grants = importlib.import_module(f"services.{service}.migrations.grants").GRANTS
    return grants


@EACH_SERVICE
async def test_every_table_is_declared(untouched_url: str, service: str, other: str) -> None:
    """A new table without a line in the service's `migrations/grants.py` would be out of its reach."""
    tables = await ask(untouched_url, _TABLES, service)
    assert isinstance(tables, list)
    assert sorted(tables) == sorted(grants_of(service))


@EACH_SERVICE
async def test_a_role_holds_what_is_declared(untouched_url: str, service: str, other: str) -> None:
    """As Postgres itself sees it, by whatever way a right may come."""
    for table, declared in grants_of(service).items():
        held = await rights_on(untouched_url, f"aurelius_{service}", f"{service}.{table}")
        assert held == " ".join(sorted(declared)), table


@EACH_SERVICE
@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM {other}.outbox",
        "INSERT INTO {other}.object_version VALUES ('x', 1)",
        "DELETE FROM object_version",
        "TRUNCATE object_version",
        "DELETE FROM stream_sequence",
        "SELECT * FROM alembic_version",
        "SELECT * FROM {other}.alembic_version",
        "CREATE TABLE more (n int)",
        "CREATE TABLE public.more (n int)",
        "CREATE SCHEMA more",
        "ALTER TABLE outbox ADD COLUMN more int",
        "DROP TABLE outbox",
        "CREATE INDEX ON outbox (time)",
        "CREATE ROLE more",
        "ALTER ROLE aurelius_{service} CREATEROLE",
        "ALTER ROLE aurelius_{other} PASSWORD 'more'",
        "SET ROLE aurelius_{other}",
        "SET ROLE aurelius",
        "CREATE EXTENSION hstore SCHEMA public",
        "COPY outbox TO PROGRAM 'cat'",
        "SELECT * FROM pg_authid",
    ],
)
async def test_a_role_is_refused(untouched_url: str, service: str, other: str, statement: str) -> None:
    """Whoever gets at a service's password gets at that service's rows, through the doors that it has itself."""
    url = service_url(untouched_url, service)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(url, f"SET search_path = {service}; {statement.format(service=service, other=other)}")

"""A connection as the owner, and what goes wrong on it as one sentence."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg
import click

from cli.db.where import database_url
from shared.contracts.errors import ServiceError
from shared.runtime.care.building import CannotBuild
from shared.runtime.care.session import Connection, care_session
from shared.runtime.migrations.sentences import MigrationFailed, one_line, require_url

T = TypeVar("T")

SCHEMAS = ("strategy", "backtest")
"""Each service's with a database, by the service's name."""


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run `work` to its end; what fails is said in a sentence, with exit code 1."""
    try:
        return asyncio.run(work())
    except ServiceError as error:
        raise click.ClickException(error.detail) from error
    except (MigrationFailed, CannotBuild) as error:
        raise click.ClickException(str(error)) from error
    except asyncpg.InsufficientPrivilegeError as error:
        raise click.ClickException(f"The user of DATABASE_URL must own the tables: {one_line(error)}") from error
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        said = one_line(error) or type(error).__name__
        raise click.ClickException(f"The database of DATABASE_URL refuses, or does not answer: {said}") from error


@asynccontextmanager
async def connected() -> AsyncIterator[Connection]:
    """Lend a connection. Raises what `run` tells of."""
    url = database_url()
    require_url("DATABASE_URL", url)
    async with care_session(url, "aurelius-db") as connection:
        yield connection


async def schemas_there(connection: Connection) -> list[str]:
    """Return the services' schemas that the database has. Raises ClickException when it has none."""
    there = [
        schema for schema in SCHEMAS if await connection.fetchval("SELECT to_regnamespace(quote_ident($1))", schema)
    ]
    if not there:
        raise click.ClickException("The database has none of the services' schemas: run the migrations first")
    return there


def split_table(name: str) -> tuple[str, str]:
    """Return schema and table of `schema.table`. Raises BadParameter."""
    schema, dot, table = name.partition(".")
    if not dot or schema not in SCHEMAS or not table:
        raise click.BadParameter(f"{name}: write schema.table, with one of the schemas {', '.join(SCHEMAS)}")
    return schema, table

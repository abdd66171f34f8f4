"""Alembic, run on a connection and in a transaction of the caller's. Only a schema that lacks a revision imports it."""

import asyncpg
import sqlalchemy
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import pool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from shared.runtime.migrations.history import History
from shared.runtime.migrations.mistakes import mistake, place_of
from shared.runtime.migrations.sentences import MigrationFailed, one_line
from shared.runtime.migrations.session import Connection
from shared.runtime.search_path import SEARCH_PATH


async def upgrade(connection: Connection, history: History) -> None:
    """Bring the schema to its newest revision; it is made if there is none.

    Raises asyncpg.PostgresError for a statement that Postgres refused, with the statement's place as a note; what the
    connection says when it is lost; and MigrationFailed for revisions that are wrong themselves.
    """
    if await connection.fetchval("SELECT to_regnamespace(quote_ident($1))", history.schema) is None:
        await connection.execute(f'CREATE SCHEMA "{history.schema}"')
    await connection.execute(SEARCH_PATH, history.schema)

    async def lend() -> Connection:
        return connection

    # The engine neither begins, nor resets, nor closes what it was lent: transaction and connection are the caller's.
    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lend,
        poolclass=pool.StaticPool,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",
    )
    try:
        async with engine.connect() as session:
            await session.run_sync(_run, history)
    except MigrationFailed:
        raise
    except CommandError as error:
        raise MigrationFailed(one_line(error)) from error
    except Exception as error:
        cause = (error.orig and error.orig.__cause__ if isinstance(error, DBAPIError) else None) or error
        place = place_of(error, history.folder)
        if isinstance(cause, asyncpg.PostgresError):
            cause.add_note(place)
        elif not connection.is_closed():
            raise mistake(cause, place) from error
        raise cause from None


def _run(connection: sqlalchemy.Connection, history: History) -> None:
    config = Config()
    config.set_main_option("script_location", str(history.folder))
    config.set_main_option("version_locations", str(history.folder / "versions"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    revisions = {each.revision for each in script.walk_revisions()}
    if misnamed := revisions.symmetric_difference(history.revisions):
        names = ", ".join(sorted(misnamed))
        raise MigrationFailed(f"files in {history.folder}/versions are not named like the revisions in them: {names}")

    def steps(revision: tuple[str, ...] | str, _: MigrationContext) -> list[RevisionStep]:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]  # noqa: SLF001  # as alembic's own command does

    with EnvironmentContext(config, script, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection, version_table_schema=history.schema, transactional_ddl=False)
        environment.run_migrations()

"""Runs one service's migrations: `<package>/migrations/versions/*.py`, into the schema named like the package."""

import asyncio
import importlib.util
from pathlib import Path

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, pool, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

# Two migrators at once wait for each other; the number only has to be ours.
_LOCK = 4_711_001


class MigrationFailed(Exception):
    """The schema is not up to date; the text says why. What failed was rolled back."""


def migrate(url: str, package: str) -> None:
    """`migrate_in`, for callers without an event loop."""
    asyncio.run(migrate_in(url, package))


async def migrate_in(url: str, package: str) -> None:
    """Bring the schema of `package` to its newest version, in one transaction. Raises MigrationFailed."""
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise MigrationFailed("no such package")
    folder = Path(spec.submodule_search_locations[0]) / "migrations"
    try:
        await _migrate(url, package.rpartition(".")[2], folder)
    except (SQLAlchemyError, CommandError, OSError) as error:
        raise MigrationFailed(_sentence(error)) from error


def _sentence(error: Exception) -> str:
    """Say in one line what failed, and in which statement. Of SQLAlchemy's wrappers around an error nothing is left."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ or error.orig if error.orig else error
        if error.statement:
            return f"{_one_line(cause)}, in: {_one_line(error.statement)}"
    elif isinstance(error, OSError):
        cause = error
    else:
        return _one_line(error)
    return f"no connection to DATABASE_URL: {_one_line(cause) or type(cause).__name__}"


def _one_line(text: object) -> str:
    return " ".join(str(text).split())[:400]


async def _migrate(url: str, schema: str, folder: Path) -> None:
    # asyncpg reads the URL, as it does in the service: SQLAlchemy would refuse `sslmode` in it.
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url, timeout=5), poolclass=pool.NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, schema, folder)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, schema: str, folder: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("version_locations", str(folder / "versions"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)

    def steps(revision: tuple[str, ...] | str, _: MigrationContext) -> list[RevisionStep]:
        return script._upgrade_revs("head", revision)  # type: ignore[arg-type]  # noqa: SLF001  # as alembic's own command does

    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    connection.execute(text(f'SET LOCAL search_path TO "{schema}"'))
    with EnvironmentContext(config, script, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection, version_table_schema=schema, transactional_ddl=False)
        environment.run_migrations()

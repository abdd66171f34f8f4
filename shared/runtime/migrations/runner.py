"""Brings one service's schema, and the role the service logs in as, to what this release needs."""

import importlib
from pathlib import Path

from shared.runtime.migrations.defaults import ensure_defaults
from shared.runtime.migrations.history import History, history_of
from shared.runtime.migrations.login import Login, log_in, read_login
from shared.runtime.migrations.mistakes import mistake, place_of
from shared.runtime.migrations.privileges import Grants
from shared.runtime.migrations.role import ensure_role
from shared.runtime.migrations.sentences import MigrationFailed
from shared.runtime.migrations.session import Session, connect_owner, session
from shared.runtime.migrations.statement_counts import ensure_statement_counts
from shared.runtime.migrations.turn import in_turn

OWNER_VARIABLE = "DATABASE_URL"
_DATABASE = "SELECT format('%s %s', current_database(), to_regnamespace(quote_ident($1))::oid)"


def service_variable(package: str) -> str:
    """Return the name of the variable that holds the URL the package's service logs in with."""
    return f"{package.rpartition('.')[2].upper()}_DATABASE_URL"


async def migrate_in(url: str, package: str, service_url: str = "") -> str | None:
    """Bring the schema of `package` to its newest revision, and with `service_url` make the role that it names.

    `url` is the owner's; schema and rights change together or not at all. Returns the role, or None when the service
    logs in as the owner. Raises MigrationFailed. One at a time in a process: alembic's `op` is the process's.
    """
    history = history_of(package)
    login = read_login(service_variable(package), service_url) if service_url else None
    async with session(OWNER_VARIABLE, await connect_owner(OWNER_VARIABLE, url)) as owner:
        if login and login.user != owner.user:
            await _migrate_with_role(owner, history, login, _grants_of(package, history.folder))
            return login.user
        await in_turn(owner.connection, lambda: _bring_to_newest(owner, history))
        return None


async def _migrate_with_role(owner: Session, history: History, login: Login, grants: Grants) -> None:
    has_defaults = False

    async def work() -> None:
        nonlocal has_defaults
        await _bring_to_newest(owner, history)
        await ensure_role(owner.connection, login, history.schema, grants)
        has_defaults = await ensure_defaults(owner, login, history.schema)

    await in_turn(owner.connection, work)
    async with session(login.variable, await log_in(owner, login)) as service:
        # By the schema's number too: another server may have a database of the same name.
        owners, services = [await each.ask(_DATABASE, history.schema) for each in (owner, service)]
        if owners != services:
            raise MigrationFailed(f"{login.variable} leads to another database than {OWNER_VARIABLE} does")
        if not has_defaults:
            await in_turn(service.connection, lambda: ensure_defaults(service, login, history.schema))


async def _bring_to_newest(owner: Session, history: History) -> None:
    await ensure_statement_counts(owner.connection)
    if not await history.is_at_newest(owner.connection):
        # Alembic and SQLAlchemy take a second to import, and most starts find nothing to do.
        from shared.runtime.migrations.upgrade import upgrade

        await upgrade(owner.connection, history)


def _grants_of(package: str, folder: Path) -> Grants:
    name = f"{package}.migrations.grants"
    try:
        grants: Grants = importlib.import_module(name).GRANTS
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name == name:
            raise MigrationFailed(
                f"{package.replace('.', '/')}/migrations/grants.py is missing: it says what a role of its own may do"
            ) from None
        raise mistake(error, place_of(error, folder)) from error
    return grants

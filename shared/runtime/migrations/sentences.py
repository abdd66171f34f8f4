"""What stopped a migration, in one sentence that says what to do."""

import re

import asyncpg

from shared.runtime.addresses import POSTGRES, postgres_url

_EXTENSION = re.compile(r"\s*CREATE\s+EXTENSION\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?([\w-]+)", re.IGNORECASE)
_PASSWORD = re.compile(r"PASSWORD '[^']*'")
_NOT_ON_THE_SERVER = (asyncpg.UndefinedFileError, asyncpg.FeatureNotSupportedError)

UNDONE = "The schema and its role are as they were: mend what is wrong there, or start the release before this one"


class MigrationFailed(Exception):
    """The schema or its role is not as this release needs it; the text says why. What failed was rolled back."""


def refusal(error: asyncpg.PostgresError, variable: str, user: str, database: str) -> str:
    """Say what Postgres refused to `user`, who is in `variable`, in which statement; and what to do where known.

    A note of the error says where the statement is: in a revision.
    """
    statement = one_line(_PASSWORD.sub("PASSWORD ...", str(getattr(error, "query", None) or "")))
    said = f"{one_line(error)}, in: {statement}" if statement else one_line(error)
    place = "".join(getattr(error, "__notes__", ()))
    said = f"{said}, at {place}" if place else said
    extension = _EXTENSION.match(statement)
    forbidden = isinstance(error, asyncpg.InsufficientPrivilegeError)
    if extension and forbidden:
        return (
            f'"{user}" may not install the extension {extension[1]}: as an administrator, run in the database '
            f'"{database}": CREATE EXTENSION {extension[1]}'
        )
    if extension and isinstance(error, _NOT_ON_THE_SERVER):
        return (
            f"the Postgres server lacks the extension {extension[1]}: install Postgres's contrib modules there "
            "(Debian: postgresql-contrib); a managed service lists the extensions that can be enabled"
        )
    if forbidden:
        return (
            f'{said}. The user "{user}" of {variable} must own the schema and what is in it, and may make a schema '
            f'after: GRANT CREATE ON DATABASE "{database}" TO "{user}"'
        )
    return f"{said}. {UNDONE}" if place else said


def require_url(variable: str, url: str) -> None:
    """Raise MigrationFailed unless `url` can be read; what is wrong is said without the URL, which holds a password."""
    try:
        wrong = next(postgres_url(url), "")
    except ValueError:
        wrong = POSTGRES
    if wrong:
        raise MigrationFailed(f"{variable} {wrong}")


def no_connection(variable: str, error: Exception) -> str:
    """Say that the server behind `variable` did not let us in. What asyncpg says of a URL may quote its password."""
    if isinstance(error, ValueError):
        return f"{variable} {POSTGRES}"
    return f"no connection to {variable}: {_reason(error)}"


def lost(variable: str, error: Exception) -> str:
    """Say that the connection did not last."""
    return f"the connection to {variable} was lost; start again when the server is there: {_reason(error)}"


def one_line(text: object) -> str:
    """Return the text's beginning, on one line."""
    return " ".join(str(text).split())[:400]


def _reason(error: Exception) -> str:
    return one_line(error) or type(error).__name__

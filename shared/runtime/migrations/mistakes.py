"""A mistake in a package's own migration files: where it is, for whoever runs them and has not written them."""

import traceback
from pathlib import Path

from shared.runtime.migrations.sentences import UNDONE, MigrationFailed, one_line


def place_of(error: BaseException, folder: Path) -> str:
    """Return the innermost line of the files in `folder` that `error` came through, or else the folder."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(folder):
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{each.filename}, line {each.lineno}" for each in frames if Path(each.filename).is_relative_to(folder)]
    return lines[-1] if lines else str(folder)


def mistake(error: BaseException, place: str) -> MigrationFailed:
    """Return what is to be said of an error that neither Postgres nor the connection to it made."""
    return MigrationFailed(f"{type(error).__name__}: {one_line(error)}, at {place}. {UNDONE}")

"""Which database is meant: DATABASE_URL, or the embedded one of `make run`, with port and password in files."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import click

_PORT_LINE = 3
"""Of Postgres's own file, counted from 0 (pidfile.h)."""


def database_url(environ: Mapping[str, str] | None = None) -> str:
    """Return the owner's URL. Raises ClickException when there is none."""
    environ = os.environ if environ is None else environ
    if given := (environ.get("DATABASE_DIRECT_URL") or environ.get("DATABASE_URL") or "").strip():
        return given
    folder = Path(environ.get("DATA_DIR") or ".data") / "postgres"
    try:
        port = (folder / "data" / "postmaster.pid").read_text().splitlines()[_PORT_LINE].strip()
        password = (folder / "password").read_text().strip()
    except (OSError, IndexError) as error:
        raise click.ClickException(
            f"DATABASE_URL is not set, and no server of `make run` runs on {folder.parent} ({error}): set DATABASE_URL "
            "to the URL of the database's owner, or DATA_DIR to the folder of the platform that runs"
        ) from error
    return f"postgresql://aurelius:{quote(password, safe='')}@127.0.0.1:{port}/aurelius"

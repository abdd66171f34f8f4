"""A package's revisions: the files `migrations/versions/<revision>_<words>.py`, oldest first, and where a schema is."""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from shared.runtime.migrations.sentences import MigrationFailed
from shared.runtime.migrations.session import Connection


@dataclass(frozen=True, slots=True)
class History:
    """The schema is named like the package. There is at least one revision."""

    schema: str
    folder: Path
    revisions: tuple[str, ...]

    @property
    def newest(self) -> str:
        """The revision that this release works with."""
        return self.revisions[-1]

    async def is_at_newest(self, connection: Connection) -> bool:
        """Say whether the schema needs nothing. Raises MigrationFailed when another release has taken it further."""
        table = f'"{self.schema}".alembic_version'
        if await connection.fetchval("SELECT to_regclass($1)", table) is None:
            return False
        at = [row["version_num"] for row in await connection.fetch(f"SELECT version_num FROM {table}")]  # noqa: S608  # our own name
        if unknown := set(at).difference(self.revisions):
            raise MigrationFailed(
                f"the schema {self.schema} is at revision {', '.join(sorted(unknown))}; this release knows those up to "
                f"{self.newest}, so that a newer one made it. Start that release or a later one, or restore a backup "
                "from before it"
            )
        return at == [self.newest]


def history_of(package: str) -> History:
    """Find the revisions of `package` without importing it. Raises MigrationFailed when there are none."""
    try:
        spec = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise MigrationFailed("no such package")
    folder = Path(spec.submodule_search_locations[0]) / "migrations"
    revisions = sorted(path.stem.partition("_")[0] for path in folder.glob("versions/[0-9]*.py"))
    if not revisions:
        raise MigrationFailed("a package without migrations/versions")
    return History(package.rpartition(".")[2], folder, tuple(revisions))

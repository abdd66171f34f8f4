"""Migrations that need an extension."""

from pathlib import Path

import pytest

from shared.runtime.migrations.runner import migrate_in
from shared.runtime.migrations.sentences import MigrationFailed
from shared.runtime.migrations.tests.packages import ITEM, write_package
from tests.databases import ask, execute

pytestmark = pytest.mark.integration

TRIGRAMS = (
    'op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm"); '
    'op.execute("CREATE INDEX by_secret ON item USING gin (secret gin_trgm_ops)")'
)


@pytest.mark.parametrize("place", [None, "public", "elsewhere"])
async def test_an_extension_is_found_wherever_it_is(owner_url: str, folder: Path, place: str | None) -> None:
    """Made by the migration, or before it by an administrator in whatever schema."""
    await execute(owner_url, "DROP EXTENSION IF EXISTS pg_trgm CASCADE")
    if place:
        await execute(owner_url, f"CREATE SCHEMA IF NOT EXISTS {place}")
        await execute(owner_url, f"CREATE EXTENSION pg_trgm SCHEMA {place}")
    await migrate_in(owner_url, write_package(folder, f"{ITEM}; {TRIGRAMS}"))
    assert await ask(owner_url, "SELECT to_regclass('orders.item') IS NOT NULL")
    assert await ask(owner_url, "SELECT to_regclass('orders.by_secret') IS NOT NULL")


async def test_an_extension_the_server_does_not_have(owner_url: str, folder: Path) -> None:
    """Somebody has to install it on that machine."""
    name = write_package(folder, f'{ITEM}; op.execute("CREATE EXTENSION no_such_extension")')
    with pytest.raises(MigrationFailed, match=r"^the Postgres server lacks the extension no_such_extension: install "):
        await migrate_in(owner_url, name)
    assert await ask(owner_url, "SELECT to_regnamespace('orders')") is None


async def test_an_extension_the_owner_may_not_install(plain_url: str, folder: Path) -> None:
    """An administrator has to, and is told how."""
    name = write_package(folder, f'{ITEM}; op.execute("CREATE EXTENSION IF NOT EXISTS pageinspect")')
    with pytest.raises(MigrationFailed) as raised:
        await migrate_in(plain_url, name)
    user, database = plain_url.split("//")[1].split(":")[0], plain_url.rpartition("/")[2]
    assert str(raised.value) == (
        f'"{user}" may not install the extension pageinspect: as an administrator, run in the database '
        f'"{database}": CREATE EXTENSION pageinspect'
    )

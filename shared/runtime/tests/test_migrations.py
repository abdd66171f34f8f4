"""Migrations."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from shared.runtime.migrations.runner import MigrationFailed, migrate_in

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]


def package(folder: Path, name: str, *revisions: str) -> str:
    """Write a package whose revisions run these Python lines, one after the other; returns its name."""
    versions = folder / name / "migrations" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (folder / name / "__init__.py").write_text("")
    for number, body in enumerate(revisions, 1):
        down = f"{number - 1:04}" if number > 1 else None
        (versions / f"{number:04}.py").write_text(
            f'from alembic import op\nrevision, down_revision = "{number:04}", {down!r}\ndef upgrade():\n    {body}\n'
        )
    return name


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that packages are imported from."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


async def ask(url: str, query: str) -> object:
    """Return the answer to one query."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def run(*packages: str, url: str) -> "subprocess.CompletedProcess[str]":
    """Run the command that operators run."""
    command = [sys.executable, "-m", "shared.runtime.migrations", *packages]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, "DATABASE_URL": url}, capture_output=True, text=True, check=False
    )


async def test_the_schema_is_named_like_the_package(database_url: str, folder: Path) -> None:
    """Tables and the record of what was run are in it, and nothing is outside."""
    await migrate_in(database_url, package(folder, "orders", 'op.execute("CREATE TABLE item (n int)")'))
    assert await ask(database_url, "SELECT count(*) FROM orders.item") == 0
    assert await ask(database_url, "SELECT version_num FROM orders.alembic_version") == "0001"
    assert await ask(database_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


@pytest.mark.parametrize("name", ["services.strategy", "services.backtest"])
async def test_migrating_again_changes_nothing(database_url: str, name: str) -> None:
    """Every start migrates; the database of these tests is migrated already."""
    dump = "SELECT string_agg(c.oid::text || c.relname, ',' ORDER BY c.oid) FROM pg_class c"
    before = await ask(database_url, dump)
    await migrate_in(database_url, name)
    assert await ask(database_url, dump) == before


async def test_a_new_revision_is_applied_to_what_is_there(database_url: str, folder: Path) -> None:
    """Only it."""
    first = 'op.execute("CREATE TABLE item (n int)")'
    await migrate_in(database_url, package(folder, "orders", first))
    await migrate_in(database_url, package(folder, "orders", first, 'op.execute("INSERT INTO item VALUES (2)")'))
    assert await ask(database_url, "SELECT sum(n) FROM orders.item") == 2


async def test_a_failing_revision_undoes_the_whole_run(database_url: str, folder: Path) -> None:
    """Those before it as well: the schema is the old one or the new one. The error says what failed, and where."""
    name = package(
        folder,
        "orders",
        'op.execute("CREATE TABLE item (n int)")',
        'op.execute("INSERT INTO nowhere VALUES (1)")',
    )
    with pytest.raises(MigrationFailed) as raised:
        await migrate_in(database_url, name)
    assert str(raised.value) == 'relation "nowhere" does not exist, in: INSERT INTO nowhere VALUES (1)'
    assert await ask(database_url, "SELECT to_regnamespace('orders')") is None


async def test_a_mistake_in_a_revision_undoes_the_whole_run(database_url: str, folder: Path) -> None:
    """It is the programmer's, so that its own exception comes out."""
    name = package(folder, "orders", 'op.execute("CREATE TABLE item (n int)"); 1 / 0')
    with pytest.raises(ZeroDivisionError):
        await migrate_in(database_url, name)
    assert await ask(database_url, "SELECT to_regnamespace('orders')") is None


async def test_two_migrators_at_once_wait_for_each_other(database_url: str, folder: Path) -> None:
    """As when two processes of a service start together: one migrates, the other finds it done."""
    name = package(folder, "orders", 'op.execute("CREATE TABLE item (n int)"); op.execute("SELECT pg_sleep(0.2)")')
    await asyncio.gather(*(migrate_in(database_url, name) for _ in range(3)))
    assert await ask(database_url, "SELECT count(*) FROM orders.alembic_version") == 1


async def test_the_url_is_read_as_the_services_read_it(database_url: str) -> None:
    """Managed databases hand out URLs with `sslmode` and the short scheme."""
    url = database_url.replace("postgresql://", "postgres://")
    await migrate_in(url + ("&" if "?" in url else "?") + "sslmode=prefer", "services.strategy")


@pytest.mark.parametrize("name", ["no_such_package", "no.such.package", "this"])
async def test_a_package_without_migrations_is_named(database_url: str, name: str) -> None:
    """A typing mistake must not pass for success."""
    with pytest.raises(MigrationFailed, match="no such package"):
        await migrate_in(database_url, name)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "Connect call failed"),
        ("mysql://127.0.0.1/none", "postgresql"),
        ("not a url", "DSN"),
    ],
)
async def test_without_a_database_the_error_is_a_sentence(url: str, reason: str) -> None:
    """It names the variable to look at."""
    with pytest.raises(MigrationFailed, match=f"^no connection to DATABASE_URL: .*{reason}") as raised:
        await migrate_in(url, "services.strategy")
    assert "\n" not in str(raised.value)


async def test_a_database_that_does_not_exist_is_named(database_url: str) -> None:
    """Postgres answers, and says so."""
    url = database_url.replace("/test_", "/gone_")
    with pytest.raises(MigrationFailed, match=r'^no connection to DATABASE_URL: database "gone_\w+" does not exist$'):
        await migrate_in(url, "services.strategy")


async def test_the_command_migrates(database_url: str) -> None:
    """Several packages, and exits 0."""
    done = await asyncio.to_thread(run, "services.strategy", "services.backtest", url=database_url)
    assert done.returncode == 0, done.stderr


def test_the_command_says_what_failed_in_one_line() -> None:
    """With exit code 1; operators read logs, not tracebacks."""
    done = run("services.strategy", "services.backtest", url="postgresql://nobody@127.0.0.1:1/none")
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "services.strategy: no connection to DATABASE_URL" in line


def test_the_command_says_how_it_is_used() -> None:
    """When something is missing, with exit code 2."""
    done = run("services.strategy", url="")
    assert done.returncode == 2
    assert "usage: DATABASE_URL=" in done.stderr

"""A package's schema is brought to its newest revision, whole or not at all."""

import asyncio
from pathlib import Path

import pytest

from shared.runtime.migrations.runner import migrate_in
from shared.runtime.migrations.sentences import UNDONE, MigrationFailed
from shared.runtime.migrations.tests.packages import ITEM, write_package
from tests.databases import ask, execute

pytestmark = pytest.mark.integration

SECOND = 'op.execute("INSERT INTO item VALUES (2)")'


async def test_the_schema_is_named_like_the_package(owner_url: str, folder: Path) -> None:
    """Tables and the record of what was run are in it, and nothing is outside."""
    await migrate_in(owner_url, write_package(folder, ITEM))
    assert await ask(owner_url, "SELECT count(*) FROM orders.item") == 0
    assert await ask(owner_url, "SELECT version_num FROM orders.alembic_version") == "0001"
    assert await ask(owner_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


@pytest.mark.parametrize("name", ["services.strategy", "services.backtest"])
async def test_migrating_again_changes_nothing(owner_url: str, name: str) -> None:
    """Every start migrates; the database of these tests is migrated already."""
    dump = "SELECT string_agg(c.oid::text || c.xmin || c.relname, ',' ORDER BY c.oid) FROM pg_class c"
    before = await ask(owner_url, dump)
    await migrate_in(owner_url, name)
    assert await ask(owner_url, dump) == before


async def test_a_new_revision_is_applied_to_what_is_there(owner_url: str, folder: Path) -> None:
    """Only it."""
    await migrate_in(owner_url, write_package(folder, ITEM))
    await migrate_in(owner_url, write_package(folder, ITEM, SECOND))
    assert await ask(owner_url, "SELECT sum(n) FROM orders.item") == 2


async def test_a_failing_revision_undoes_the_whole_run(owner_url: str, folder: Path) -> None:
    """Those before it as well: the schema is the old one or the new one. The error says what failed, and where."""
    name = write_package(folder, ITEM, 'op.execute("INSERT INTO nowhere VALUES (1)")')
    with pytest.raises(MigrationFailed) as raised:
        await migrate_in(owner_url, name)
    assert str(raised.value) == (
        'relation "nowhere" does not exist, in: INSERT INTO nowhere VALUES (1), at '
        f"{folder}/orders/migrations/versions/0002_words.py, line 4. {UNDONE}"
    )
    assert await ask(owner_url, "SELECT to_regnamespace('orders')") is None


async def test_a_failing_new_revision_leaves_the_old_schema(owner_url: str, folder: Path) -> None:
    """With its rows and its revision, so that the release before goes on working."""
    await migrate_in(owner_url, write_package(folder, ITEM + f"; {SECOND}"))
    name = write_package(folder, ITEM, 'op.execute("DROP TABLE item"); op.execute("SELECT 1 / 0")')
    with pytest.raises(MigrationFailed, match=r"^division by zero, in: SELECT 1 / 0, at .*/0002_words.py, line 4"):
        await migrate_in(owner_url, name)
    assert await ask(owner_url, "SELECT sum(n) FROM orders.item") == 2
    assert await ask(owner_url, "SELECT version_num FROM orders.alembic_version") == "0001"


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero, at {file}, line 4"),
        (
            "open('/no/such/file')",
            "FileNotFoundError: [Errno 2] No such file or directory: '/no/such/file', at {file}, ",
        ),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module', at {file}, line 4"),
        ("if", "SyntaxError: invalid syntax (0001_words.py, line 4), at {file}, line 4"),
        ("op.execute('SELECT :name')", "StatementError: (sqlalchemy.exc.InvalidRequestError) A value is required for "),
        ("pass\nupgrade = 1", "TypeError: 'int' object is not callable, at {folder}"),
    ],
)
async def test_a_mistake_in_a_revision_undoes_the_whole_run(
    owner_url: str, folder: Path, mistake: str, said: str
) -> None:
    """Whoever started it is told what, in which line of which file, and what to do; the programmer has the cause."""
    name = write_package(folder, f"{ITEM}; {mistake}" if mistake != "if" else mistake)
    migrations = folder / "orders/migrations"
    with pytest.raises(MigrationFailed) as raised:
        await migrate_in(owner_url, name)
    said = said.format(file=migrations / "versions/0001_words.py", folder=migrations)
    assert str(raised.value).startswith(said)
    assert str(raised.value).endswith(f". {UNDONE}")
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is not None
    assert await ask(owner_url, "SELECT to_regnamespace('orders')") is None


async def test_a_database_of_a_newer_release_is_left_alone(owner_url: str, folder: Path) -> None:
    """The older release cannot know what the newer one changed: it says so, and what to do."""
    await migrate_in(owner_url, write_package(folder, ITEM, SECOND))
    (folder / "orders/migrations/versions/0002_words.py").unlink()
    with pytest.raises(MigrationFailed) as raised:
        await migrate_in(owner_url, "orders")
    assert str(raised.value) == (
        "the schema orders is at revision 0002; this release knows those up to 0001, so that a newer one made it. "
        "Start that release or a later one, or restore a backup from before it"
    )


async def test_a_revision_is_named_like_its_file(owner_url: str, folder: Path) -> None:
    """An up-to-date schema is known by the files' names alone; a file named otherwise would never count as run."""
    name = write_package(folder, ITEM)
    (folder / "orders/migrations/versions/0001_words.py").rename(folder / "orders/migrations/versions/0003_words.py")
    with pytest.raises(MigrationFailed, match=r"not named like the revisions in them: 0001, 0003$"):
        await migrate_in(owner_url, name)
    assert await ask(owner_url, "SELECT to_regnamespace('orders')") is None


async def test_revisions_that_do_not_follow_each_other(owner_url: str, folder: Path) -> None:
    """Two of them begin at nothing: alembic finds it out."""
    name = write_package(folder, ITEM)
    second = 'revision, down_revision = "0002", None\ndef upgrade(): pass\n'
    (folder / "orders/migrations/versions/0002_words.py").write_text(second)
    with pytest.raises(MigrationFailed, match=r"^Multiple head revisions are present"):
        await migrate_in(owner_url, name)


async def test_two_migrators_at_once_wait_for_each_other(owner_url: str, folder: Path) -> None:
    """As when two processes of a service start together: one migrates, the other finds it done."""
    name = write_package(folder, f'{ITEM}; op.execute("SELECT pg_sleep(0.2)")')
    await asyncio.gather(*(migrate_in(owner_url, name) for _ in range(3)))
    assert await ask(owner_url, "SELECT count(*) FROM orders.alembic_version") == 1


async def test_a_connection_that_is_lost_undoes_the_whole_run(owner_url: str, folder: Path) -> None:
    """And is told from a database that refuses the revision."""
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
    name = write_package(folder, f'{ITEM}; op.execute("SELECT pg_sleep(60)")')
    migration = asyncio.create_task(migrate_in(owner_url, name))
    while not await ask(owner_url, kill):
        assert not migration.done()
    with pytest.raises(MigrationFailed, match=r"^the connection to DATABASE_URL was lost; start again when "):
        await migration
    assert await ask(owner_url, "SELECT to_regnamespace('orders')") is None


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("no_such_package", "no such package"),
        ("no.such.package", "no such package"),
        ("this", "no such package"),
        ("shared.contracts", "a package without migrations/versions"),
    ],
)
async def test_a_package_without_migrations_is_named(owner_url: str, name: str, sentence: str) -> None:
    """A typing mistake must not pass for success."""
    with pytest.raises(MigrationFailed, match=f"^{sentence}$"):
        await migrate_in(owner_url, name)


async def test_an_owner_who_may_not_make_schemas_works_in_one_that_was_made_for_it(
    owner_url: str, plain_url: str, folder: Path
) -> None:
    """Some administrators give out a schema and no right on the database."""
    name, user = write_package(folder, ITEM), plain_url.split("//")[1].split(":")[0]
    await execute(owner_url, f"REVOKE CREATE ON DATABASE {owner_url.rpartition('/')[2]} FROM {user}")
    with pytest.raises(MigrationFailed) as raised:
        await migrate_in(plain_url, name)
    database = owner_url.rpartition("/")[2]
    assert str(raised.value) == (
        f'permission denied for database {database}, in: CREATE SCHEMA "orders". The user "{user}" of DATABASE_URL '
        "must own the schema and what is in it, and may make a schema after: "
        f'GRANT CREATE ON DATABASE "{database}" TO "{user}"'
    )
    await execute(owner_url, f"CREATE SCHEMA orders AUTHORIZATION {user}")
    await migrate_in(plain_url, name)
    assert await ask(plain_url, "SELECT count(*) FROM orders.item") == 0

"""`aurelius db`, as it is called."""

import asyncio
import os
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from shared.contracts.database_messages import IndexPage, SlowQueryPage, TablePage
from shared.runtime.care.session import alone_on, care_session
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.processes import ROOT
from tests.databases import ask, execute, fresh_database, service_url

pytestmark = pytest.mark.integration

USER = """
SET aurelius.announces = on;
INSERT INTO strategy.users VALUES (gen_random_uuid(), 'e', 'n', 'user', true, '', now())
"""


class Ended(NamedTuple):
    """How a command ended: its exit code, what it wrote, and what it said besides."""

    code: int
    out: str
    err: str


async def aurelius_db(url: str, *arguments: str, given: str = "", **environ: str) -> Ended:
    """Run `aurelius db` with these arguments on a database, or on none."""
    inherited = {name: value for name, value in os.environ.items() if not name.endswith("_URL")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli", "db", *arguments, cwd=ROOT,
        env={**inherited, **({"DATABASE_URL": url} if url else {}), **environ},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate(given.encode())
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def test_tables(owner_url: str) -> None:
    """For people, and as JSON; rows are counted when that is asked for."""
    await execute(owner_url, USER)
    shown = await aurelius_db(owner_url, "tables")
    assert shown.code == 0
    (line,) = [line for line in shown.out.splitlines() if line.startswith("strategy.users ")]
    assert line.split()[1] == "~-"
    page = msgspec.json.decode((await aurelius_db(owner_url, "tables", "--exact", "--json")).out, type=TablePage)
    rows = {(table.schema, table.name): table.rows for table in page.items}
    assert rows["strategy", "users"] == 1
    assert rows["backtest", "jobs"] == 0
    assert rows["strategy", "alembic_version"] == 1


async def test_indexes_are_verified_and_made(owner_url: str) -> None:
    """The exit code says whether all are as they are declared; what was done is said, once."""
    shown = await aurelius_db(owner_url, "indexes")
    assert (shown.code, shown.out.splitlines()[-1]) == (0, "All are as they are declared.")
    await execute(owner_url, "CREATE INDEX mine ON strategy.users (name)")
    await execute(owner_url, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'strategy.mine'::regclass")
    shown = await aurelius_db(owner_url, "indexes")
    assert (shown.code, "strategy.mine: it is not valid" in shown.out) == (0, True)
    await execute(owner_url, "DROP INDEX strategy.mine")
    await execute(owner_url, "DROP INDEX strategy.users_by_email; DROP INDEX backtest.jobs_by_end")
    shown = await aurelius_db(owner_url, "indexes")
    assert (shown.code, shown.out.splitlines()[-1]) == (1, "2 of them are not as they are declared.")
    assert "strategy.users_by_email: it is missing: aurelius db indexes --create" in shown.out
    made = await aurelius_db(owner_url, "indexes", "--create", "--json")
    assert made.code == 0
    assert "making strategy.users_by_email on users USING btree (lower(email))" in made.err
    assert "making backtest.jobs_by_end on jobs" in made.err
    assert {index.condition for index in msgspec.json.decode(made.out, type=IndexPage).items} == {"valid"}
    again = await aurelius_db(owner_url, "indexes", "--create")
    assert (again.code, again.err) == (0, "")


async def test_a_kill_while_indexes_are_made(owner_url: str) -> None:
    """With SIGKILL: what it had begun is ended by the server or left invalid, and the next run mends it."""
    await execute(owner_url, "DROP INDEX strategy.users_by_created_at")
    async with care_session(owner_url, "before") as before:
        transaction = before.transaction()
        await transaction.start()
        await before.execute(USER)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "cli", "db", "indexes", "--create", cwd=ROOT,
            env={**os.environ, "DATABASE_URL": owner_url}, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip

        async def begun() -> bool:
            query = "SELECT to_regclass('strategy.users_by_created_at') IS NOT NULL"
            return bool(await ask(owner_url, query))

        await eventually(begun, within=30.0)
        process.kill()
        await process.wait()
        refused = await aurelius_db(owner_url, "indexes", "--create")
        assert refused.code == 1
        assert "Somebody else" in refused.err
        await transaction.commit()

    async def free() -> bool:
        ours = "application_name = 'aurelius-db' AND datname = current_database()"
        return await ask(owner_url, f"SELECT count(*) FROM pg_stat_activity WHERE {ours}") == 0

    await eventually(free)
    assert (await aurelius_db(owner_url, "indexes", "--create")).code == 0


async def test_another_release_is_refused(owner_url: str) -> None:
    """Its indexes are others."""
    await execute(owner_url, "UPDATE strategy.alembic_version SET version_num = '0001'")
    shown = await aurelius_db(owner_url, "indexes", "--create")
    assert shown.code == 1
    assert "run the migrations first" in shown.err


async def test_who_does_not_own_the_tables_is_told(owner_url: str) -> None:
    """A service's own login may look at its schema's tables alone."""
    await execute(owner_url, "DROP INDEX strategy.users_by_email")
    shown = await aurelius_db(service_url(owner_url, "strategy"), "indexes", "--create")
    assert shown.code == 1
    assert "must own the tables" in shown.err


@pytest.mark.parametrize("command", ["analyze", "vacuum"])
async def test_upkeep(owner_url: str, command: str) -> None:
    """Of the tables named, or of all; each is named as it is begun."""
    shown = await aurelius_db(owner_url, command, "strategy.users", "backtest.jobs")
    assert (shown.code, [line for line in shown.err.splitlines() if not line.startswith(" ")]) == (
        0,
        ["strategy.users", "backtest.jobs"],
    )
    query = (
        f"SELECT array_agg(relname::text ORDER BY relname) FROM pg_stat_user_tables WHERE last_{command} IS NOT NULL"
    )
    assert await ask(owner_url, query) == ["jobs", "users"]
    assert (await aurelius_db(owner_url, command)).code == 0
    assert await ask(owner_url, "SELECT count(*) FROM pg_stat_user_tables WHERE last_analyze IS NULL") == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("users", "write schema.table"),
        ("pg_catalog.pg_class", "write schema.table"),
        ("strategy.nothing", "There is no table strategy.nothing"),
        ("strategy.users; DROP TABLE strategy.users", "There is no table"),
    ],
)
async def test_a_table_that_is_none(owner_url: str, name: str, said: str) -> None:
    """Is told, and nothing is done."""
    shown = await aurelius_db(owner_url, "vacuum", name)
    assert shown.code != 0
    assert said in shown.err
    assert await ask(owner_url, "SELECT to_regclass('strategy.users') IS NOT NULL")


async def test_one_at_a_time(owner_url: str) -> None:
    """A service, or another terminal: the second is told, and nothing waits."""
    async with care_session(owner_url, "first") as first, alone_on(first, "strategy"):
        shown = await aurelius_db(owner_url, "analyze", "strategy.users")
    assert shown.code == 1
    assert "Somebody else" in shown.err


async def test_slow_queries(owner_url: str) -> None:
    """For people, and as JSON; where they are not counted, what to do."""
    shown = await aurelius_db(owner_url, "slow-queries", "--limit", "5", "--sort", "calls")
    assert shown.code == 0
    assert "Counted since" in shown.out
    page = msgspec.json.decode(
        (await aurelius_db(owner_url, "slow-queries", "--limit", "5", "--json")).out, type=SlowQueryPage
    )
    assert page.available
    assert 0 < len(page.items) <= 5
    await execute(owner_url, "DROP EXTENSION pg_stat_statements")
    shown = await aurelius_db(owner_url, "slow-queries")
    assert shown.code == 1
    assert "CREATE EXTENSION pg_stat_statements" in shown.err
    shown = await aurelius_db(owner_url, "slow-queries", "--json")
    assert (shown.code, msgspec.json.decode(shown.out, type=SlowQueryPage).available) == (1, False)


async def test_explain(owner_url: str) -> None:
    """By argument or from standard input; what is no SELECT, or takes too long, is told in a sentence."""
    shown = await aurelius_db(owner_url, "explain", "--schema", "backtest", "SELECT * FROM jobs WHERE subject = $1")
    assert shown.code == 0
    assert "on jobs" in shown.out
    shown = await aurelius_db(owner_url, "explain", "--analyze", "-", given="SELECT count(*) FROM users\n")
    assert (shown.code, "actual time" in shown.out) == (0, True)
    shown = await aurelius_db(owner_url, "explain", "--analyze", "--json", "SELECT count(*) FROM users")
    assert msgspec.json.decode(shown.out)[0]["Plan"]["Actual Rows"] == 1
    for arguments, said in (
        (("DELETE FROM users",), "Only a SELECT"),
        (("--analyze", "--timeout", "0.1", "SELECT pg_sleep(60)"), "The time was up"),
    ):
        shown = await aurelius_db(owner_url, "explain", *arguments)
        assert shown.code == 1
        assert said in shown.err
        assert "Traceback" not in shown.err


async def test_no_database(tmp_path: Path) -> None:
    """Neither named, nor running, nor migrated: each is said in a sentence, without a password."""
    shown = await aurelius_db("", "tables", DATA_DIR=str(tmp_path))
    assert shown.code == 1
    assert "set DATABASE_URL" in shown.err
    shown = await aurelius_db("postgresql://u:secret@127.0.0.1:1/d", "tables")
    assert shown.code == 1
    assert "secret" not in shown.err
    assert "Traceback" not in shown.err
    shown = await aurelius_db("mysql://u:secret@127.0.0.1/d", "tables")
    assert shown.code == 1
    assert "secret" not in shown.err


async def test_a_database_without_the_platform(postgres_url: str) -> None:
    """Has none of its schemas."""
    async with fresh_database(postgres_url) as url:
        shown = await aurelius_db(url, "tables")
    assert shown.code == 1
    assert "run the migrations first" in shown.err


async def test_the_embedded_database_is_found(owner_url: str, tmp_path: Path) -> None:
    """By the files that the server and its launcher write, without a variable."""
    account, _, place = owner_url.removeprefix("postgresql://").partition("@")
    folder = tmp_path / "postgres"
    (folder / "data").mkdir(parents=True)
    (folder / "password").write_text(account.partition(":")[2] + "\n")
    port = place.partition("/")[0].partition(":")[2]
    (folder / "data" / "postmaster.pid").write_text(f"1\n/data\n2\n{port}\n\n127.0.0.1\n3 4\nready\n")
    shown = await aurelius_db("", "tables", DATA_DIR=str(tmp_path))
    # The launcher's own database of this server, in which nothing was migrated.
    assert (shown.code, "none of the services' schemas" in shown.err) == (1, True)

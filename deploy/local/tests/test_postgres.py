"""The embedded Postgres, under every account this machine lets it have."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from deploy.local import postgres as module
from deploy.local.account import Account, can_run, postgres_account
from deploy.local.errors import StartError
from deploy.local.ports import free_ports
from deploy.local.postgres import Postgres
from deploy.local.postgres_home import settle
from deploy.local.process import Process
from deploy.local.program import Program
from deploy.local.readiness import wait_ready
from deploy.local.supervisor import Supervisor
from deploy.local.tests.small_disk import fill, small_disk

pytestmark = pytest.mark.integration

_NOBODY = (65534, 65534)


@pytest.fixture(params=["same", "namespace", "other"])
def account(request: pytest.FixtureRequest) -> Account:
    account = Account(request.param, *((os.geteuid(), os.getegid()) if request.param == "same" else _NOBODY))
    if account.kind == "same" and os.geteuid() == 0:
        pytest.skip("Postgres refuses to run as root")
    if not can_run(account, "/bin/true"):
        pytest.skip(f"this machine does not allow {account}")
    return account


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "postgres"
    yield path
    shutil.rmtree(path.resolve(), ignore_errors=True)


@asynccontextmanager
async def running(postgres: Postgres) -> AsyncIterator[Supervisor]:
    """Prepared, started, and stopped at the end."""

    def ignore(_: str) -> None:
        pass

    await postgres.prepare()
    supervisor = Supervisor(Process(postgres.program(), ignore), ignore)
    supervisor.start()
    try:
        await wait_ready(supervisor, postgres.probe, within=30)
        yield supervisor
    finally:
        await supervisor.stop(grace=5)


def some_postgres(folder: Path, account: Account, *, durable: bool = True) -> Postgres:
    (port,) = free_ports(1, "127.0.0.1")
    return Postgres(folder, port, account, durable=durable)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def ask(url: str, question: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(question)
    finally:
        await connection.close()


async def test_data_outlives_the_server(folder: Path, account: Account) -> None:
    """Postgres 18, under each account: stopped and started again on another port, it still has its rows."""
    first = some_postgres(folder, account)
    async with running(first):
        assert str(await ask(first.url, "SHOW server_version")).startswith("18.")
        await ask(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    second = some_postgres(folder, account)
    async with running(second):
        assert await ask(second.url, "SELECT answer FROM kept") == 42


async def test_crash_of_the_machine_is_no_obstacle(folder: Path, account: Account) -> None:
    """After a crash Postgres starts although the process number it left behind is in use again."""
    first = some_postgres(folder, account)
    async with running(first) as supervisor:
        await ask(first.url, "CREATE TABLE kept AS SELECT 42 AS answer")
        await supervisor.kill()
    stranger = subprocess.Popen(Program("stranger", ["/bin/sleep", "600"], account=str(account)).wrapped())
    left_behind = folder / "data/postmaster.pid"
    _, *rest = left_behind.read_text().splitlines()
    left_behind.write_text("\n".join([str(stranger.pid), *rest, ""]))
    second = some_postgres(folder, account)
    async with running(second):
        assert await ask(second.url, "SELECT answer FROM kept") == 42
    stranger.kill()
    stranger.wait()


async def test_not_asked_before_it_is_ready(folder: Path) -> None:
    """A recovery is not buried under a FATAL for each question: its own word for how it is comes from its file."""
    postgres = some_postgres(folder, postgres_account(), durable=False)
    async with running(postgres):
        file = folder / "data/postmaster.pid"
        ready = file.read_text()
        file.write_text(ready.replace("ready   ", "starting"))
        assert await postgres.probe() == "it is starting, or recovering from a crash"
        file.write_text(ready)
        assert await postgres.probe() is None
    assert await postgres.probe() is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has a choice of accounts")
async def test_data_follows_a_change_of_account(folder: Path) -> None:
    """Where user namespaces are switched off, or on again, the data made before is still used."""
    accounts = [Account("namespace", *_NOBODY), Account("other", *_NOBODY)]
    if not all(can_run(account, "/bin/true") for account in accounts):
        pytest.skip("this machine does not allow both")
    for account in (*accounts, *accounts):
        postgres = some_postgres(folder, account, durable=False)
        async with running(postgres):
            await ask(postgres.url, "CREATE TABLE IF NOT EXISTS kept (n int)")
            await ask(postgres.url, "INSERT INTO kept VALUES (1)")
    async with running(postgres):
        assert await ask(postgres.url, "SELECT count(*) FROM kept") == 4


async def test_set_up_for_services(folder: Path) -> None:
    """UTF-8, the same order of text everywhere, UTC, checksums, and no loss of what was committed."""
    postgres = some_postgres(folder, postgres_account())
    async with running(postgres):
        settings = {
            "server_encoding": "UTF8",
            "TimeZone": "UTC",
            "data_checksums": "on",
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": "127.0.0.1",
        }
        for name, value in settings.items():
            assert await ask(postgres.url, f"SHOW {name}") == value
        assert await ask(postgres.url, "SELECT 'a' > 'B' AND lower('Ä') = 'ä'") is True


async def test_password_is_needed(folder: Path) -> None:
    """Another user of this machine cannot get in, and finds the password neither in a file nor in the process list."""
    postgres = some_postgres(folder, postgres_account(), durable=False)
    async with running(postgres):
        password = (folder / "password").read_text()
        assert (folder / "password").stat().st_mode & 0o077 == 0
        assert not any(password in word for word in postgres.program().command)
        for wrong in (postgres.url.replace(password, "guess"), postgres.url.replace(f":{password}", "")):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(wrong, password="guess")


async def test_lost_password_is_explained(folder: Path) -> None:
    """Instead of waiting for a server that will never let the launcher in."""
    async with running(some_postgres(folder, postgres_account(), durable=False)):
        pass
    (folder / "password").unlink()
    with pytest.raises(StartError, match="not the one its data was made with: restore it, or choose"):
        async with running(some_postgres(folder, postgres_account(), durable=False)):
            pass
    (folder / "password").write_text("")
    with pytest.raises(StartError, match=r"does not hold 64 hex digits\. Restore it, or choose another folder"):
        _ = some_postgres(folder, postgres_account()).url


async def test_data_of_another_major_version(folder: Path) -> None:
    """It cannot be read: said before the server is started, with what made it and what to do; nothing is touched."""
    async with running(some_postgres(folder, postgres_account(), durable=False)):
        pass
    (folder / "data/PG_VERSION").write_text("17\n")
    with pytest.raises(StartError, match=r"made by Postgres 17, and this is Postgres 18.*pg_dump.*DATA_DIR="):
        await some_postgres(folder, postgres_account()).prepare()
    (folder / "data/PG_VERSION").unlink()
    with pytest.raises(StartError, match="damaged: it holds no PG_VERSION"):
        await some_postgres(folder, postgres_account()).prepare()


async def test_services_have_passwords_of_their_own(folder: Path) -> None:
    """Made once, kept in files of the launcher's user alone; the roles are the migrations' to make."""
    postgres = some_postgres(folder, postgres_account())
    settle(folder, postgres_account())
    urls = [postgres.url_of("strategy"), postgres.url_of("backtest"), postgres.url]
    assert urls == [postgres.url_of("strategy"), postgres.url_of("backtest"), postgres.url]
    assert urls[0].startswith("postgresql://aurelius_strategy:")
    assert len({url.split(":")[2].split("@")[0] for url in urls}) == 3
    assert all(path.stat().st_mode & 0o077 == 0 for path in (folder / "passwords").iterdir())


async def test_half_made_data_is_made_again(folder: Path) -> None:
    """A launcher that was killed during initdb leaves nothing that a later one could take for data."""
    half_made = folder / "data.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    (folder / "password.initdb").write_text("")
    async with running(some_postgres(folder, postgres_account(), durable=False)):
        assert names_in(folder) == {"data", "password"}


@pytest.mark.parametrize("there_before", [False, True])
async def test_disk_that_turns_out_to_be_full(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there_before: bool
) -> None:
    """Where the room that is left cannot be known before (a quota): the reason and what to do, not a list of deaths."""
    account = postgres_account()
    if account.kind == "other":
        pytest.skip("Postgres is kept on another disk than the data folder")
    monkeypatch.setattr(module, "require_space", lambda *_: None)
    with small_disk(tmp_path, mebibytes=256 if there_before else 16):
        if there_before:
            async with running(some_postgres(folder, account, durable=False)):
                pass
            fill(tmp_path)
        with pytest.raises(StartError, match=r"The disk is full: free some space, or .* DATA_DIR="):
            async with running(some_postgres(folder, account)):
                pass
        assert (folder / "data").exists() == there_before


async def test_initdb_that_fails(folder: Path) -> None:
    """Its own words are in the error."""
    account = postgres_account()
    postgres = some_postgres(folder, Account(account.kind, 4_000_000, 4_000_000) if account.kind != "same" else account)
    if account.kind == "same":
        pytest.skip("no way to make initdb fail as this user")
    with pytest.raises(StartError, match=r"(?s)cannot make its data folder.*user does not exist"):
        await postgres.prepare()
    assert not (folder / "data").exists()

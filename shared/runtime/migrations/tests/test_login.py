"""The URL that a service logs in with."""

from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from shared.runtime.migrations.login import read_login
from shared.runtime.migrations.runner import migrate_in
from shared.runtime.migrations.sentences import MigrationFailed
from shared.runtime.migrations.session import Connection
from shared.runtime.migrations.tests.packages import ITEM, write_package
from tests.databases import ask, execute, with_account

READS = {"item": ("SELECT",)}


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("postgresql://ann:secret@host:5432/data", "ann", "secret"),
        ("postgres://ann@host/data?sslmode=require", "ann", ""),
        ("postgresql://a%40b:p%2F%3A%25%C3%A4@host/data", "a@b", "p/:%ä"),
        ("postgresql://ann:a:b@one:1,two:2/data", "ann", "a:b"),
        ("postgresql://host/data?user=ann&password=p%26q", "ann", "p&q"),
    ],
)
def test_user_and_password_are_read_as_the_service_reads_them(url: str, user: str, password: str) -> None:
    """Percent-encoding, several hosts and options included."""
    login = read_login("ORDERS_DATABASE_URL", url)
    assert (login.user, login.password) == (user, password)
    assert "secret" not in repr(login)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://host/data", "names no user: write "),
        ("postgresql://:secret@host/data", "names no user: write "),
        ("mysql://ann:secret@host/data", "must begin with postgresql"),
        ("postgresql://ann:sec/ret@host/data", "must "),
        ("postgresql://ann:secret[@host/data", "must "),
        ("postgresql://ann:sec@ret@host/data", "must "),
    ],
)
def test_a_wrong_url_is_a_sentence_without_the_password(url: str, sentence: str) -> None:
    """Whatever the slip of the keyboard."""
    with pytest.raises(MigrationFailed) as raised:
        read_login("ORDERS_DATABASE_URL", url)
    assert str(raised.value).startswith(f"ORDERS_DATABASE_URL {sentence}")
    assert "sec" not in str(raised.value)


@pytest.mark.integration
@pytest.mark.parametrize(
    "password",
    ["plain", "with 'quotes' \"and\" \\", "p@ss/w:rd?#%&+=", "Grüße", "I\u00adX \u2168", "\u00a0", "\u0627\u0031"],
)
async def test_a_password_of_any_letters_lets_the_service_in(
    owner_url: str, folder: Path, role: str, password: str
) -> None:
    """The role is made with it, and by the next deployment's it is replaced."""
    name = write_package(folder, ITEM, grants=READS)
    await migrate_in(owner_url, name, with_account(owner_url, role, "before"))
    url = with_account(owner_url, role, quote(password, safe=""))
    await migrate_in(owner_url, name, url)
    assert await ask(url, "SELECT count(*) FROM item") == 0
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(with_account(owner_url, role, "before"), "SELECT true")


@pytest.mark.integration
async def test_the_servers_log_never_sees_a_password(
    owner_url: str, folder: Path, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No statement holds it, neither that which makes the role nor that which changes it."""
    statements: list[str] = []
    connect = asyncpg.connect

    async def overheard(url: str, timeout: float, statement_cache_size: int) -> Connection:
        connection = await connect(url, timeout=timeout, statement_cache_size=statement_cache_size)
        connection.add_query_logger(lambda record: statements.append(record.query))
        return connection

    monkeypatch.setattr(asyncpg, "connect", overheard)
    name = write_package(folder, ITEM, grants=READS)
    for password in ("first-secret", "second-secret"):
        await migrate_in(owner_url, name, with_account(owner_url, role, password))
    assert sum("PASSWORD 'SCRAM-SHA-256$" in statement for statement in statements) == 2
    assert not any("secret" in statement.replace("secret text", "") for statement in statements)


@pytest.mark.integration
async def test_a_password_that_works_is_left_alone(owner_url: str, folder: Path, role: str, role_url: str) -> None:
    """The same one, set again, would end nothing, but be written to the server's log at every start."""
    name = write_package(folder, ITEM, grants=READS)
    await migrate_in(owner_url, name, role_url)
    stored = "SELECT rolpassword FROM pg_authid WHERE rolname = $1"
    before = await ask(owner_url, stored, role)
    await migrate_in(owner_url, name, role_url)
    assert await ask(owner_url, stored, role) == before


@pytest.mark.integration
async def test_options_of_the_url_are_the_services(owner_url: str, folder: Path, role: str, role_url: str) -> None:
    """Managed databases hand out URLs with `sslmode` and the short scheme, for the owner as well."""
    short = [url.replace("postgresql://", "postgres://") + "?sslmode=prefer" for url in (owner_url, role_url)]
    assert await migrate_in(short[0], write_package(folder, ITEM, grants=READS), short[1]) == role


@pytest.mark.integration
async def test_the_owners_own_user_shares_its_rights(owner_url: str, folder: Path) -> None:
    """There is no role to make and none to take rights from."""
    assert await migrate_in(owner_url, write_package(folder, ITEM), f"{owner_url}?application_name=other") is None
    assert await ask(owner_url, "SELECT count(*) FROM orders.item") == 0


@pytest.mark.integration
async def test_another_database_is_noticed(owner_url: str, postgres_url: str, folder: Path, role: str) -> None:
    """The service would find no tables there."""
    with pytest.raises(
        MigrationFailed, match=r"^ORDERS_DATABASE_URL leads to another database than DATABASE_URL does$"
    ):
        await migrate_in(
            owner_url, write_package(folder, ITEM, grants=READS), with_account(postgres_url, role, "its-password")
        )


@pytest.mark.integration
async def test_a_server_that_is_away_is_named_by_its_variable(owner_url: str, folder: Path, role: str) -> None:
    """DATABASE_URL works, so that one would look at the wrong one."""
    away = f"postgresql://{role}:its-password@127.0.0.1:1/data"
    with pytest.raises(MigrationFailed, match=r"^no connection to ORDERS_DATABASE_URL: .*Connect call failed"):
        await migrate_in(owner_url, write_package(folder, ITEM, grants=READS), away)


@pytest.mark.integration
async def test_a_server_that_wants_a_password(owner_url: str, folder: Path, role: str) -> None:
    """A URL without one does for a server that asks for none; this one does."""
    url = with_account(owner_url, role, "x").replace(":x@", "@")
    with pytest.raises(MigrationFailed, match=r"^ORDERS_DATABASE_URL has no password, and the server refuses "):
        await migrate_in(owner_url, write_package(folder, ITEM, grants=READS), url)


@pytest.mark.integration
async def test_a_role_that_may_not_log_in(owner_url: str, folder: Path, role: str, role_url: str) -> None:
    """Its password is not what is wrong with it, and it is said what is."""
    await execute(owner_url, f"CREATE ROLE {role} PASSWORD 'its-password'")
    with pytest.raises(MigrationFailed, match=r"is not permitted to log in. Look at its pg_hba.conf, and whether "):
        await migrate_in(owner_url, write_package(folder, ITEM, grants=READS), role_url)

"""Roles that a service is not let in with, and owners who may not make one."""

from pathlib import Path

import pytest

from shared.runtime.migrations.runner import migrate_in
from shared.runtime.migrations.sentences import MigrationFailed
from shared.runtime.migrations.tests.packages import ITEM, write_package
from tests.databases import ask, execute, with_account

pytestmark = pytest.mark.integration

READS = {"item": ("SELECT",)}
_TAKE = "which a service must not have: name a role there that does not exist yet, so that it is made, or take these "


@pytest.mark.parametrize(
    ("made", "powers"),
    [
        ("CREATE ROLE {role} LOGIN SUPERUSER", "SUPERUSER"),
        ("CREATE ROLE {role} LOGIN CREATEDB CREATEROLE", "CREATEDB, CREATEROLE"),
        ("CREATE ROLE {role} LOGIN REPLICATION BYPASSRLS", "REPLICATION, BYPASSRLS"),
        ("CREATE ROLE {role} LOGIN IN ROLE pg_read_all_data", "the rights of pg_read_all_data"),
        ("CREATE ROLE {role} LOGIN IN ROLE aurelius", "the rights of aurelius"),
        ("CREATE ROLE {role} LOGIN; CREATE SCHEMA orders AUTHORIZATION {role}", "the rights of {role}"),
        (
            "CREATE ROLE {role} LOGIN; CREATE SCHEMA orders; CREATE TABLE orders.kept AS SELECT 1; "
            "ALTER TABLE orders.kept OWNER TO {role}",
            "the rights of {role}",
        ),
        ("CREATE ROLE {role} LOGIN; ALTER DATABASE {database} OWNER TO {role}", "the rights of {role}"),
    ],
)
async def test_a_role_that_may_do_more_is_refused(
    owner_url: str, folder: Path, role: str, role_url: str, made: str, powers: str
) -> None:
    """Nothing is taken from it and its password stays: it may be an administrator's, named by mistake."""
    await execute(owner_url, made.format(role=role, database=owner_url.rpartition("/")[2]))
    with pytest.raises(MigrationFailed) as raised:
        await migrate_in(owner_url, write_package(folder, ITEM, grants=READS), role_url)
    said = str(raised.value)
    assert said.startswith(f'the role "{role}" of ORDERS_DATABASE_URL has ')
    assert powers.format(role=role) in said.partition(" has ")[2].partition(", which")[0]
    assert _TAKE in said
    assert await ask(owner_url, "SELECT rolpassword FROM pg_authid WHERE rolname = $1", role) is None
    assert await ask(owner_url, "SELECT to_regclass('orders.item')") is None


async def test_each_service_has_a_role_of_its_own(owner_url: str, folder: Path, role_url: str) -> None:
    """One for two would reach into the other's schema."""
    await migrate_in(owner_url, write_package(folder, ITEM, grants=READS), role_url)
    with pytest.raises(MigrationFailed, match=r" of BILLS_DATABASE_URL has rights on the schema orders of another "):
        await migrate_in(owner_url, write_package(folder, ITEM, name="bills", grants=READS), role_url)


async def test_an_owner_needs_no_more_than_to_make_roles(
    maker_url: str, folder: Path, role: str, role_url: str
) -> None:
    """CREATEROLE is enough; what it made it also changes."""
    name = write_package(folder, ITEM, grants=READS)
    assert await migrate_in(maker_url, name, role_url) == role
    await migrate_in(maker_url, name, role_url.replace("its-password", "another"))
    assert await ask(role_url.replace("its-password", "another"), "SELECT count(*) FROM item") == 0


async def test_a_missing_role_that_the_owner_may_not_make(
    plain_url: str, folder: Path, role: str, role_url: str
) -> None:
    """An administrator has to, and is told how, without the password."""
    with pytest.raises(MigrationFailed) as raised:
        await migrate_in(plain_url, write_package(folder, ITEM, grants=READS), role_url)
    assert str(raised.value) == (
        f'the role "{role}" of ORDERS_DATABASE_URL is missing and the owner may not make it; as an administrator, run: '
        f'CREATE ROLE "{role}" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS, and in psql: '
        f'\\password "{role}"'
    )


async def test_a_role_that_an_administrator_made_is_used(
    owner_url: str, plain_url: str, folder: Path, role: str, role_url: str
) -> None:
    """The owner grants it what it needs, and needs no right over it."""
    await execute(owner_url, f"CREATE ROLE {role} LOGIN PASSWORD 'its-password'")
    assert await migrate_in(plain_url, write_package(folder, ITEM, grants=READS), role_url) == role
    assert await ask(role_url, "SELECT count(*) FROM item") == 0


async def test_a_password_that_the_owner_may_not_set(
    owner_url: str, plain_url: str, folder: Path, role: str, role_url: str
) -> None:
    """One of the two has to be corrected."""
    await execute(owner_url, f"CREATE ROLE {role} LOGIN PASSWORD 'another'")
    with pytest.raises(MigrationFailed) as raised:
        await migrate_in(plain_url, write_package(folder, ITEM, grants=READS), role_url)
    assert str(raised.value) == (
        f'the password in ORDERS_DATABASE_URL is not that of the role "{role}", and the owner may not set it: correct '
        f'it there, or as an administrator in psql: \\password "{role}"'
    )
    assert await ask(with_account(owner_url, role, "another"), "SELECT true")


async def test_a_database_that_the_owner_may_not_open_to_others(
    owner_url: str, plain_url: str, folder: Path, role: str, role_url: str
) -> None:
    """Where not everybody may connect, its administrator has to let the role in."""
    database = owner_url.rpartition("/")[2]
    await execute(owner_url, f"CREATE ROLE {role} LOGIN PASSWORD 'its-password'")
    await execute(owner_url, f"REVOKE CONNECT ON DATABASE {database} FROM PUBLIC")
    user = plain_url.split("//")[1].split(":")[0]
    await execute(owner_url, f"GRANT CONNECT ON DATABASE {database} TO {user}")
    name = write_package(folder, ITEM, grants=READS)
    with pytest.raises(MigrationFailed) as raised:
        await migrate_in(plain_url, name, role_url)
    assert str(raised.value) == (
        "the owner may not do all that the role needs; as an administrator, run: "
        f'GRANT CONNECT ON DATABASE {database} TO "{role}"'
    )
    await execute(owner_url, f"GRANT CONNECT ON DATABASE {database} TO {role}")
    assert await migrate_in(plain_url, name, role_url) == role

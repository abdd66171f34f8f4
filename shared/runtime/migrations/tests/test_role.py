"""The role that a service logs in as."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from shared.runtime.migrations.runner import migrate_in
from shared.runtime.migrations.sentences import MigrationFailed
from shared.runtime.migrations.tests.command import run
from shared.runtime.migrations.tests.packages import ITEM, write_package
from tests.databases import ask, execute, fresh_database, rights_on, with_account

pytestmark = pytest.mark.integration

READS = {"item": ("SELECT",)}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
ATTRIBUTES = "rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolcanlogin"


async def test_a_missing_role_is_made_without_power(owner_url: str, folder: Path, role: str, role_url: str) -> None:
    """It logs in, and may do with its tables what is declared."""
    assert await migrate_in(owner_url, write_package(folder, ITEM, grants=READS), role_url) == role
    row = await ask(owner_url, f"SELECT ROW({ATTRIBUTES})::text FROM pg_roles WHERE rolname = $1", role)
    assert row == "(f,f,f,f,f,t)"
    assert await ask(role_url, "SELECT count(*) FROM orders.item") == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(role_url, "INSERT INTO orders.item VALUES (1)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await execute(role_url, "SELECT * FROM orders.alembic_version")


async def test_an_identity_column_needs_no_right_on_its_sequence(owner_url: str, folder: Path, role_url: str) -> None:
    """The outbox has one."""
    numbered = 'op.execute("CREATE TABLE item (n bigint GENERATED ALWAYS AS IDENTITY, m int)")'
    await migrate_in(owner_url, write_package(folder, numbered, grants={"item": ("INSERT",)}), role_url)
    await execute(role_url, "INSERT INTO orders.item (m) VALUES (1)")
    assert await ask(owner_url, "SELECT n FROM orders.item") == 1


async def test_the_role_brings_its_own_settings(owner_url: str, folder: Path, role_url: str) -> None:
    """A session that could not name any, behind a pooler, sees its schema and has its transactions ended."""
    await migrate_in(owner_url, write_package(folder, ITEM, grants=READS), role_url)
    assert await ask(role_url, "SELECT count(*) FROM item") == 0
    connection = await asyncpg.connect(role_url)
    has_one_for_all = connection.get_server_version().major >= 17
    limits = (
        ["transaction_timeout"] if has_one_for_all else ["statement_timeout", "idle_in_transaction_session_timeout"]
    )
    assert [await connection.fetchval(f"SHOW {name}") for name in limits] == ["5s"] * len(limits)
    await connection.close()


async def test_the_settings_are_there_before_the_first_login(
    owner_url: str, folder: Path, role: str, role_url: str
) -> None:
    """A pooler keeps its sessions as they began: here nobody has been able to log in yet."""
    name = write_package(folder, ITEM, grants=READS)
    with pytest.raises(MigrationFailed, match=r"^no connection to ORDERS_DATABASE_URL"):
        await migrate_in(owner_url, name, f"postgresql://{role}:its-password@127.0.0.1:1/none")
    settings = "SELECT setconfig[1] FROM pg_db_role_setting WHERE setrole = $1::text::regrole"
    assert await ask(owner_url, settings, role) == "search_path=orders"
    assert await ask(role_url, "SELECT count(*) FROM item") == 0


async def test_what_is_set_for_the_role_beside_stays(owner_url: str, folder: Path, role: str, role_url: str) -> None:
    """An administrator may want its sessions to log more, or to sort in more memory."""
    name = write_package(folder, ITEM, grants=READS)
    await migrate_in(owner_url, name, role_url)
    database = owner_url.rpartition("/")[2]
    await execute(owner_url, f"ALTER ROLE {role} IN DATABASE {database} SET work_mem = '17MB'")
    await execute(owner_url, f"ALTER ROLE {role} IN DATABASE {database} SET search_path = 'elsewhere'")
    await migrate_in(owner_url, name, role_url)
    assert await ask(role_url, "SHOW work_mem") == "17MB"
    assert await ask(role_url, "SHOW search_path") == "orders"


async def test_the_role_again_changes_nothing(owner_url: str, folder: Path, role: str, role_url: str) -> None:
    """Every start makes sure of it: not one row of the catalogue is written anew.

    Of what the server has only once, the rows of this database and this role: other tests write others meanwhile.
    """
    name = write_package(folder, ITEM, grants=READS)
    rows = " UNION ALL ".join(
        f"SELECT '{table}' AS of, {key}::text AS row, xmin::text AS written FROM {table} WHERE {condition}"
        for table, key, condition in (
            ("pg_authid", "oid", "rolname = $1"),
            ("pg_auth_members", "oid", "$1::text::regrole IN (roleid, member)"),
            ("pg_class", "oid", "true"),
            ("pg_namespace", "oid", "true"),
            ("pg_database", "oid", "datname = current_database()"),
            ("pg_db_role_setting", "ROW(setdatabase, setrole)", "setrole = $1::text::regrole"),
        )
    )
    catalogue = f"SELECT json_agg(ROW(of, row, written) ORDER BY of, row)::text FROM ({rows}) AS rows"
    await migrate_in(owner_url, name, role_url)
    before = await ask(owner_url, catalogue, role)
    await migrate_in(owner_url, name, role_url)
    assert await ask(owner_url, catalogue, role) == before


async def test_rights_follow_the_declaration(owner_url: str, folder: Path, role: str, role_url: str) -> None:
    """A release that needs more gets it, with the table it is for; one that needs less loses it."""
    await migrate_in(owner_url, write_package(folder, ITEM, grants={"item": ("SELECT", "DELETE")}), role_url)
    assert await rights_on(owner_url, role, "orders.item") == "DELETE SELECT"
    other = 'op.execute("CREATE TABLE other (n int)")'
    grants = {"item": ("SELECT", "INSERT"), "other": ("UPDATE",)}
    await migrate_in(owner_url, write_package(folder, ITEM, other, grants=grants), role_url)
    assert await rights_on(owner_url, role, "orders.item") == "INSERT SELECT"
    assert await rights_on(owner_url, role, "orders.other") == "UPDATE"
    assert await rights_on(owner_url, role, "orders.alembic_version") == ""


async def test_schema_and_rights_change_together(owner_url: str, folder: Path, role: str, role_url: str) -> None:
    """Rights on a table that is not there are a mistake, which undoes the schema and the role as well."""
    name = write_package(folder, ITEM, grants={**READS, "itme": ("SELECT",)})
    with pytest.raises(MigrationFailed, match=r"^grants.py names tables that the schema orders does not have: itme$"):
        await migrate_in(owner_url, name, role_url)
    assert await ask(owner_url, "SELECT to_regnamespace('orders')") is None
    assert await ask(owner_url, "SELECT to_regrole($1)::text", role) is None


async def test_a_package_that_declares_nothing(owner_url: str, folder: Path, role_url: str) -> None:
    """Its service would start and fail at its first statement."""
    name = write_package(folder, ITEM)
    with pytest.raises(MigrationFailed, match=r"^orders/migrations/grants.py is missing: "):
        await migrate_in(owner_url, name, role_url)
    assert await ask(owner_url, "SELECT to_regnamespace('orders')") is None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("GRANTS = {'item': (SELECT,)}", r"^NameError: name 'SELECT' is not defined, at .*/grants.py, line 1\. "),
        (
            "import no_such_module",
            r"^ModuleNotFoundError: No module named 'no_such_module', at .*/grants.py, line 1\. ",
        ),
        ("GRANTED = {}", r"^AttributeError: .* has no attribute 'GRANTS', at .*/orders/migrations\. "),
    ],
)
async def test_a_mistake_in_what_is_declared(
    owner_url: str, folder: Path, role_url: str, written: str, said: str
) -> None:
    """File and line are told before anything is made."""
    name = write_package(folder, ITEM)
    (folder / "orders/migrations/grants.py").write_text(f"{written}\n")
    with pytest.raises(MigrationFailed, match=said):
        await migrate_in(owner_url, name, role_url)
    assert await ask(owner_url, "SELECT to_regnamespace('orders')") is None


_HELD = """
SELECT string_agg(held::text, ' ' ORDER BY held::text) FROM (
    SELECT a FROM pg_class, aclexplode(relacl) AS a
    UNION ALL SELECT a FROM pg_attribute, aclexplode(attacl) AS a
    UNION ALL SELECT a FROM pg_namespace, aclexplode(nspacl) AS a
    UNION ALL SELECT a FROM pg_database, aclexplode(datacl) AS a WHERE a.privilege_type <> 'CONNECT'
) AS acl (held) WHERE (held).grantee = $1::text::regrole
"""


@pytest.mark.parametrize(
    "by_hand",
    [
        "GRANT UPDATE ON orders.item TO {role}",
        "GRANT SELECT ON orders.item TO {role} WITH GRANT OPTION",
        "GRANT UPDATE (secret) ON orders.item TO {role}",
        "GRANT SELECT ON orders.alembic_version TO {role}",
        "GRANT USAGE ON SEQUENCE orders.numbers TO {role}",
        "GRANT CREATE ON SCHEMA orders TO {role}",
        "GRANT CREATE, TEMPORARY ON DATABASE {database} TO {role}",
        "REVOKE SELECT ON orders.item FROM {role}",
        "REVOKE USAGE ON SCHEMA orders FROM {role}",
        "REVOKE CONNECT ON DATABASE {database} FROM PUBLIC",
    ],
)
async def test_rights_given_or_taken_by_hand_do_not_last(
    owner_url: str, folder: Path, role: str, role_url: str, by_hand: str
) -> None:
    """The next start leaves the role with what is declared."""
    name = write_package(folder, f'{ITEM}; op.execute("CREATE SEQUENCE numbers")', grants=READS)
    await migrate_in(owner_url, name, role_url)
    declared = await ask(owner_url, _HELD, role)
    await execute(owner_url, by_hand.format(role=role, database=owner_url.rpartition("/")[2]))
    await migrate_in(owner_url, name, role_url)
    assert await ask(owner_url, _HELD, role) == declared
    assert await ask(role_url, "SELECT count(*) FROM item") == 0


async def test_one_role_serves_databases_side_by_side(
    owner_url: str, postgres_url: str, folder: Path, role: str
) -> None:
    """Roles are the server's: migrations of its databases make one at the same moment, and each finds it usable."""
    name = write_package(folder, ITEM, grants=READS)
    async with fresh_database(postgres_url) as second, fresh_database(postgres_url) as third:
        urls = [owner_url, second, third]
        logins = [with_account(url, role, "its-password") for url in urls]
        done = await asyncio.gather(
            *(
                run(name, DATABASE_URL=url, ORDERS_DATABASE_URL=login, PYTHONPATH=str(folder))
                for url, login in zip(urls, logins, strict=True)
            )
        )
        assert [each.status for each in done] == [0, 0, 0], done
        for login in logins:
            assert await ask(login, "SELECT count(*) FROM item") == 0


async def test_a_role_that_is_being_made_is_waited_for(
    owner_url: str, postgres_url: str, folder: Path, role: str, role_url: str
) -> None:
    """By the migration of another database, which makes it first."""
    name = write_package(folder, ITEM, grants=READS)
    other = await asyncpg.connect(postgres_url)
    await other.execute(f"BEGIN; CREATE ROLE {role} LOGIN PASSWORD 'its-password'")
    migration = asyncio.create_task(migrate_in(owner_url, name, role_url))
    while not await ask(owner_url, WAITING):
        assert not migration.done()
    await other.execute("COMMIT")
    await other.close()
    assert await migration == role
    assert await ask(role_url, "SELECT count(*) FROM item") == 0


async def test_migrators_at_once_make_one_role(owner_url: str, folder: Path, role: str, role_url: str) -> None:
    """As when several machines start one release together."""
    name = write_package(folder, ITEM, grants=READS)
    assert await asyncio.gather(*(migrate_in(owner_url, name, role_url) for _ in range(4))) == [role] * 4
    assert await ask(role_url, "SELECT count(*) FROM item") == 0

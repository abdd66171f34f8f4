"""Making an administrator."""

import asyncio
import sys

import pytest

from services.strategy.handlers import AccountHandlers
from services.strategy.set_role import set_role
from services.strategy.tests.conftest import call_of
from shared.contracts.errors import NotFound
from shared.contracts.messages import LogIn, RegisterUser
from shared.contracts.values import Tokens
from shared.runtime.database import Database
from tests.clock import FakeClock
from tests.databases import service_url

pytestmark = pytest.mark.integration

EMAIL, PASSWORD = "ana@example.com", "correct horse battery"


async def registered(accounts: AccountHandlers) -> None:
    """Open the account."""
    await accounts.register(RegisterUser(email=EMAIL, password=PASSWORD, name="Ana"), call_of(None))


async def run(database_url: str, *arguments: str, redis_url: str = "") -> tuple[int, str, str]:
    """Run the command, without a cache unless one is given; returns its exit code and what it wrote."""
    cache = {"REDIS_URL": redis_url} if redis_url else {"REDIS_ENABLED": "false"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "services.strategy.set_role", *arguments, env={"DATABASE_URL": database_url, **cache},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def role_of(database: Database) -> tuple[str, int]:
    """Return the account's role and revision."""
    async with database.reading() as connection:
        row = await connection.fetchrow("SELECT role, revision FROM users")
    assert row is not None
    return row["role"], row["revision"]


async def test_an_operator_makes_an_administrator_and_takes_it_back(
    accounts: AccountHandlers, database: Database, database_url: str
) -> None:
    """With the rights that the service has; by the email in any case; the next login's token has the role."""
    await registered(accounts)
    assert await run(database_url, "Ana@Example.com", "admin") == (
        0, "Ana@Example.com has the role admin from its next login on\n", "",
    )  # fmt: skip
    assert await role_of(database) == ("admin", 2)
    answer = await accounts.log_in(LogIn(email=EMAIL, password=PASSWORD), call_of(None))
    assert isinstance(answer.value, Tokens)
    assert await run(database_url, EMAIL, "user") == (0, f"{EMAIL} has the role user from its next login on\n", "")
    assert await role_of(database) == ("user", 3)


async def test_a_role_is_not_given_behind_the_back_of_a_cache(
    accounts: AccountHandlers, database: Database, database_url: str
) -> None:
    """One that does not hear of it would go on to show the old one: nothing is done, and the command says why."""
    await registered(accounts)
    code, out, err = await run(database_url, EMAIL, "admin", redis_url="redis://127.0.0.1:1")
    assert (code, out) == (1, "")
    assert "The cache does not answer" in err
    assert await role_of(database) == ("user", 1)


async def test_a_role_is_given_once(accounts: AccountHandlers, database: Database, clock: FakeClock) -> None:
    """And announced once, as every committed change is."""
    await registered(accounts)
    assert await set_role(database, clock, EMAIL, "admin")
    assert not await set_role(database, clock, EMAIL, "admin")
    async with database.reading() as connection:
        types = [row["type"] for row in await connection.fetch("SELECT type FROM outbox ORDER BY id")]
    assert types == ["aurelius.user.registered.v1", "aurelius.user.updated.v1"]


@pytest.mark.parametrize("email", ["nobody@example.com", "", "a\0b@example.com"])
async def test_an_account_that_is_not_there_is_named(database: Database, clock: FakeClock, email: str) -> None:
    """Nothing is made by a slip in an email."""
    with pytest.raises(NotFound, match="register it first"):
        await set_role(database, clock, email, "admin")


@pytest.mark.parametrize("arguments", [[], [EMAIL], [EMAIL, "root"], [EMAIL, "admin", "more"]])
async def test_another_command_line_is_told_how(database_url: str, arguments: list[str]) -> None:
    """And does nothing."""
    code, out, err = await run(database_url, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("usage: ")


async def test_a_database_that_cannot_be_used_is_a_sentence(database_url: str, owner_url: str) -> None:
    """Not a traceback, be it away, no address, unknown there, or another service's."""
    unknown, another = f"{database_url}x", service_url(owner_url, "backtest")
    for url in ("postgresql://nobody@127.0.0.1:1/nothing", "nonsense", "", unknown, another):
        code, _, err = await run(url, EMAIL, "admin")
        assert code == 1
        assert err
        assert "Traceback" not in err

"""`python -m shared.runtime.migrations`."""

from pathlib import Path

import pytest

from shared.runtime.migrations.tests.command import run
from shared.runtime.migrations.tests.packages import ITEM, write_package
from tests.databases import ask, service_url

SERVICES = ("services.strategy", "services.backtest")
NOWHERE = "postgresql://nobody:its-password@127.0.0.1:1/none"
WITHOUT_IMPORTS = """
import sys
from shared.runtime.migrations.__main__ import main

status = main(sys.argv[1:])
sys.exit(status or sorted({"alembic", "sqlalchemy"} & set(sys.modules)) or 0)
"""


@pytest.mark.integration
async def test_it_migrates_each_package(owner_url: str) -> None:
    """As the owner, for services that log in as the owner."""
    done = await run(*SERVICES, DATABASE_URL=owner_url)
    assert done.status == 0, done.lines
    assert [line.partition("migrations: ")[2] for line in done.lines] == [
        "the schema of services.strategy is up to date",
        "the schema of services.backtest is up to date",
    ]


@pytest.mark.integration
async def test_it_makes_the_role_of_each_service_that_has_one(owner_url: str, postgres_url: str) -> None:
    """And says where a service was given the owner's own."""
    done = await run(
        *SERVICES,
        DATABASE_URL=owner_url,
        STRATEGY_DATABASE_URL=service_url(owner_url, "strategy"),
        BACKTEST_DATABASE_URL=owner_url,
    )
    assert done.status == 0, done.lines
    assert [line.partition("migrations: ")[2] for line in done.lines] == [
        "the schema of services.strategy is up to date, and so is its role aurelius_strategy",
        "the schema of services.backtest is up to date; BACKTEST_DATABASE_URL names the owner: no role of its own",
    ]


@pytest.mark.integration
async def test_a_start_that_finds_nothing_to_do_imports_nothing_big(owner_url: str) -> None:
    """Alembic and SQLAlchemy would make every start of the system a second longer."""
    urls = {f"{name.upper()}_DATABASE_URL": service_url(owner_url, name) for name in ("strategy", "backtest")}
    done = await run(*SERVICES, code=WITHOUT_IMPORTS, DATABASE_URL=f"{owner_url}\n", **urls)
    assert done.status == 0, done.lines


@pytest.mark.integration
async def test_it_stops_at_the_first_that_fails(owner_url: str, folder: Path) -> None:
    """A later package may be made for the earlier one's new schema."""
    write_package(folder, 'op.execute("SELECT 1 / 0")')
    write_package(folder, ITEM, name="bills")
    done = await run("orders", "bills", DATABASE_URL=owner_url, PYTHONPATH=str(folder))
    assert done.status == 1
    assert "orders: division by zero, in: SELECT 1 / 0, at " in done.lines[-1]
    assert await ask(owner_url, "SELECT to_regnamespace('bills')") is None


@pytest.mark.integration
async def test_a_mistake_in_a_revision_is_one_line(owner_url: str, folder: Path) -> None:
    """Its file and its line are in it; a traceback through other people's libraries tells an operator nothing."""
    write_package(folder, "1 / 0")
    done = await run("orders", DATABASE_URL=owner_url, PYTHONPATH=str(folder))
    assert done.status == 1
    (line,) = done.lines
    assert f"orders: ZeroDivisionError: division by zero, at {folder}/orders/migrations/versions/0001_" in line


@pytest.mark.parametrize("environment", ["development", "production"])
async def test_it_says_what_failed_in_one_line(environment: str) -> None:
    """Operators read logs, not tracebacks; and nobody reads a password there."""
    done = await run(*SERVICES, DATABASE_URL=NOWHERE, AURELIUS_ENV=environment)
    assert done.status == 1
    (line,) = done.lines
    assert "services.strategy: no connection to DATABASE_URL: " in line
    assert "its-password" not in line


@pytest.mark.parametrize(
    ("packages", "environment"), [(SERVICES, {}), (SERVICES, {"DATABASE_URL": ""}), ((), {"DATABASE_URL": NOWHERE})]
)
async def test_it_says_how_it_is_used(packages: tuple[str, ...], environment: dict[str, str]) -> None:
    """When something is missing, with the exit status of a wrong use."""
    done = await run(*packages, **environment)
    assert done.status == 2
    assert "usage: DATABASE_URL=" in done.lines[-1]

"""The statements that took most."""

from collections.abc import Sequence

import asyncpg
import pytest

from shared.contracts.database_messages import SlowQuerySort
from shared.runtime.care.session import Connection
from shared.runtime.care.slow_queries import (
    MISSING,
    NOT_LOADED,
    NOT_MADE,
    SWITCHED_OFF,
    TOO_OLD,
    list_slow_queries,
)
from shared.runtime.migrations.runner import migrate_in
from tests.databases import ask, execute, fresh_database

pytestmark = pytest.mark.integration


async def test_the_tests_server_counts_them(plain: Connection, owner: Connection) -> None:
    """As that of `make run` does; to a service its own, to the owner those of all. Constants are not shown."""
    for _ in range(3):
        await plain.fetch("SELECT id FROM users WHERE email = 'secret@example.com'")
    page = await list_slow_queries(plain, "calls", 200, role="aurelius_strategy")
    (found,) = [query for query in page.items if "FROM users WHERE email" in query.query]
    assert (page.available, page.advice) == (True, None)
    assert page.counted_since is not None
    assert found.calls == 3
    assert found.query == "SELECT id FROM users WHERE email = $1"
    assert {query.role for query in page.items} == {"aurelius_strategy"}
    of_all = await list_slow_queries(owner, "calls", 200)
    assert found.id in {query.id for query in of_all.items}
    assert len({query.role for query in of_all.items}) > 1


@pytest.mark.parametrize(
    ("sort", "figure"),
    [("total", "total_ms"), ("mean", "mean_ms"), ("max", "max_ms"), ("calls", "calls"), ("rows", "rows")],
)
async def test_the_order_is_the_one_asked_for(owner: Connection, sort: SlowQuerySort, figure: str) -> None:
    """The most first, and no more than asked for."""
    for number in range(1, 6):
        await owner.fetch(f"SELECT {', '.join('1' * number)} FROM generate_series(1, 100 * $1)", number)
    page = await list_slow_queries(owner, sort, 3)
    figures = [getattr(query, figure) for query in page.items]
    assert len(figures) == 3
    assert figures == sorted(figures, reverse=True)


async def test_the_advice_where_the_extension_is_missing(owner: Connection) -> None:
    """The statement, and the setting and the restart where that is not all that is missing."""
    await owner.execute("DROP EXTENSION pg_stat_statements")
    page = await list_slow_queries(owner, "total", 10)
    assert (page.available, page.items, page.advice) == (False, [], NOT_MADE)
    assert "restart" not in NOT_MADE
    for word in ("shared_preload_libraries", "restart", "CREATE EXTENSION pg_stat_statements"):
        assert word in MISSING


@pytest.mark.parametrize("setting", ["pg_stat_statements.track = none", "compute_query_id = off"])
async def test_the_advice_where_counting_is_switched_off(owner: Connection, setting: str) -> None:
    """An empty list would say that nothing is slow."""
    await owner.execute(f"SET {setting}")
    page = await list_slow_queries(owner, "total", 10)
    assert (page.available, page.advice) == (False, SWITCHED_OFF)


async def test_the_advice_where_the_extension_is_of_an_older_server(owner: Connection) -> None:
    """An upgrade of the server leaves it as it is, with other columns."""
    await owner.execute("DROP EXTENSION pg_stat_statements; CREATE EXTENSION pg_stat_statements VERSION '1.7'")
    page = await list_slow_queries(owner, "total", 10)
    assert (page.available, page.advice) == (False, TOO_OLD)
    await owner.execute("ALTER EXTENSION pg_stat_statements UPDATE")
    assert (await list_slow_queries(owner, "total", 10)).available


class NotLoaded:
    """A database that has the extension, or not, on a server that was started without its library."""

    def __init__(self, *, empty: bool = False) -> None:
        self.empty = empty

    async def fetch(self, query: str, *_: object) -> Sequence[asyncpg.Record]:
        """As Postgres refuses."""
        raise asyncpg.ObjectNotInPrerequisiteStateError("must be loaded")

    async def fetchrow(self, query: str, *_: object) -> asyncpg.Record | None:
        """Not asked."""
        raise AssertionError(query)

    async def fetchval(self, query: str, *_: object) -> object:
        """The extension's schema."""
        if "pg_extension" in query:
            return None if self.empty else "public"
        if "pg_settings" in query:
            return False
        raise asyncpg.ObjectNotInPrerequisiteStateError("must be loaded")

    async def execute(self, query: str, *_: object) -> str:
        """Not asked."""
        raise AssertionError(query)


async def test_the_advice_where_the_library_is_not_loaded() -> None:
    """Another: the extension is there."""
    page = await list_slow_queries(NotLoaded(), "total", 10)
    assert (page.available, page.advice) == (False, NOT_LOADED)
    page = await list_slow_queries(NotLoaded(empty=True), "total", 10)
    assert (page.available, page.advice) == (False, MISSING)


async def test_no_password_is_shown(owner: Connection, role_name: str) -> None:
    """A utility command keeps its constants; it is not counted here, and elsewhere not shown."""
    await owner.execute("SET pg_stat_statements.track_utility = on")
    await owner.execute(f"CREATE ROLE {role_name} PASSWORD 'a-secret-of-its-own'")
    try:
        page = await list_slow_queries(owner, "calls", 200)
    finally:
        await owner.execute(f"DROP ROLE {role_name}")
    shown = [query.query for query in page.items]
    assert "CREATE ROLE ..." in shown
    assert not any("a-secret" in text for text in shown)


@pytest.fixture
def role_name() -> str:
    """A name that no role of the server has."""
    return "role_with_a_secret"


async def test_the_server_of_make_run_counts_no_utility_commands(owner: Connection) -> None:
    """So that no password gets into its files."""
    assert await owner.fetchval("SHOW pg_stat_statements.track_utility") == "off"


async def test_migrations_make_the_extension(postgres_url: str) -> None:
    """Where the server has loaded it, once, and outside of the services' schemas."""
    query = "SELECT nspname::text FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = $1"
    async with fresh_database(postgres_url) as url:
        await migrate_in(url, "services.strategy")
        assert await ask(url, query, "pg_stat_statements") == "public"
        await execute(url, "DROP EXTENSION pg_stat_statements; DROP SCHEMA public CASCADE")
        await migrate_in(url, "services.strategy")
        assert await ask(url, query, "pg_stat_statements") is None

"""The owner's connection."""

import pytest

from shared.runtime.migrations import session as session_module
from shared.runtime.migrations.runner import migrate_in
from shared.runtime.migrations.sentences import MigrationFailed
from shared.runtime.migrations.session import connect, session
from tests.databases import ask, execute

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", r"^no connection to DATABASE_URL: .*Connect call failed"),
        ("mysql://127.0.0.1/none", r"^DATABASE_URL must begin with postgresql"),
        ("not a url", r"^DATABASE_URL must "),
    ],
)
async def test_without_a_database_the_error_is_a_sentence(url: str, sentence: str) -> None:
    """It names the variable to look at."""
    with pytest.raises(MigrationFailed, match=sentence) as raised:
        await migrate_in(url, "services.strategy")
    assert "\n" not in str(raised.value)


async def test_a_database_that_does_not_exist_is_named(owner_url: str) -> None:
    """Postgres answers, and says so."""
    url = owner_url.replace("/test_", "/gone_")
    with pytest.raises(MigrationFailed, match=r'^no connection to DATABASE_URL: database "gone_\w+" does not exist$'):
        await migrate_in(url, "services.strategy")


async def test_an_owner_who_is_refused_is_told_so(owner_url: str) -> None:
    """Its password is nobody's to set."""
    url = owner_url.replace("@", "x@")
    with pytest.raises(MigrationFailed, match=r"^no connection to DATABASE_URL: password authentication failed for "):
        await migrate_in(url, "services.strategy")


async def work_after_a_restart(url: str) -> None:
    """Have the server end the connection, then use it."""
    async with session("DATABASE_URL", await connect("DATABASE_URL", url)) as owner:
        await execute(url, f"SELECT pg_terminate_backend({await owner.ask('SELECT pg_backend_pid()')})")
        await owner.connection.execute("SELECT 1")


async def test_a_connection_that_ends_between_statements(owner_url: str) -> None:
    """The next statement finds out."""
    with pytest.raises(MigrationFailed, match=r"^the connection to DATABASE_URL was lost; start again when "):
        await work_after_a_restart(owner_url)


async def test_a_server_too_old_is_named(owner_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is tried on it."""
    monkeypatch.setattr(session_module, "OLDEST_POSTGRES", 99)
    before = await ask(owner_url, "SELECT max(oid) FROM pg_class")
    with pytest.raises(MigrationFailed, match=r"^the server is Postgres \d+, too old: it must be 99 or newer$"):
        await migrate_in(owner_url, "services.strategy")
    assert await ask(owner_url, "SELECT max(oid) FROM pg_class") == before

"""The owner's connection."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
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


@dataclass(slots=True)
class Relay:
    """Bytes to the server and back: while it `relays`, and with the end of them while it `hangs_up`."""

    url: str
    relays: bool = True
    hangs_up: bool = True

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one direction, to its end."""
        while data := await reader.read(65536):
            if self.relays:
                writer.write(data)
        if self.relays and self.hangs_up:
            writer.close()


@pytest.fixture
async def relay(owner_url: str) -> AsyncIterator[Relay]:
    """A way to the database that can go wrong."""
    parts = urlsplit(owner_url)
    ways: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(parts.hostname, parts.port)
        ways.extend((writer, server_writer))
        await asyncio.gather(lent.pump(reader, server_writer), lent.pump(server_reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lent = Relay(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}").geturl())
    yield lent
    server.close()
    for way in ways:
        way.close()


async def work_after_a_restart(url: str, watcher: str) -> None:
    """Have the server end the connection, then use it."""
    async with session("DATABASE_URL", await connect("DATABASE_URL", url)) as owner:
        await execute(watcher, f"SELECT pg_terminate_backend({await owner.ask('SELECT pg_backend_pid()')}, 5000)")
        await owner.connection.execute("SELECT 1")


async def test_a_connection_that_ends_between_statements(owner_url: str) -> None:
    """The next statement finds out."""
    with pytest.raises(MigrationFailed, match=r"^the connection to DATABASE_URL was lost; start again when "):
        await work_after_a_restart(owner_url, owner_url)


async def test_a_server_that_has_said_goodbye_and_not_hung_up_yet(owner_url: str, relay: Relay) -> None:
    """To asyncpg its words are an answer that nobody asked for, and the next statement one too many."""
    relay.hangs_up = False
    with pytest.raises(MigrationFailed, match=r"^the connection to DATABASE_URL was lost; ") as raised:
        await work_after_a_restart(relay.url, owner_url)
    assert isinstance(raised.value.__cause__, asyncpg.InternalClientError)


async def test_work_that_is_done_stays_done(owner_url: str, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should the connection fail after it, there is nothing to start again for."""
    monkeypatch.setattr(session_module, "_CLOSE_SECONDS", 0.1)
    async with session("DATABASE_URL", await connect("DATABASE_URL", relay.url)) as owner:
        await owner.ask("SELECT 1")
        relay.relays = False
    assert owner.connection.is_closed()


async def test_a_server_too_old_is_named(owner_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is tried on it."""
    monkeypatch.setattr(session_module, "OLDEST_POSTGRES", 99)
    before = await ask(owner_url, "SELECT max(oid) FROM pg_class")
    with pytest.raises(MigrationFailed, match=r"^the server is Postgres \d+, too old: it must be 99 or newer$"):
        await migrate_in(owner_url, "services.strategy")
    assert await ask(owner_url, "SELECT max(oid) FROM pg_class") == before

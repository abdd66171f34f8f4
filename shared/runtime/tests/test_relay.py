"""The relay, from the outbox to the stream."""

import asyncio
import contextlib
import time

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from shared.contracts.errors import Unavailable
from shared.contracts.streams import JOBS_BACKTEST
from shared.runtime import relay as relay_module
from shared.runtime.bus.connection import make_client
from shared.runtime.database import Database
from shared.runtime.outbox import record
from shared.runtime.relay import Relay
from shared.runtime.relaying.append import APPEND, StreamForked
from shared.runtime.settings import DatabaseSettings
from shared.runtime.tests.announcing import STREAM, published, unpublished, version, write
from shared.runtime.tests.bus_state import entries
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.relays import relaying
from tests.seconds import allowed
from tests.servers import ValkeyServer

pytestmark = pytest.mark.integration


async def is_published(redis: Redis, number: int) -> bool:
    """Say whether so many events are in the stream."""
    return len(await published(redis)) == number


async def listening(database: Database) -> bool:
    """Say whether the relay waits for notifications."""
    async with database.reading() as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        return bool(await connection.fetchval(query))


async def test_events_are_published_once_in_order(database: Database, bus: Redis) -> None:
    """With dense sequences that are the entries' ids, and nothing is left to do."""
    for strategy in ("s1", "s2", "s1"):
        await write(database, strategy)
    relay = Relay(database, bus, "one")
    assert await relay.relay_once() == 3
    events = await published(bus)
    assert [(event.subject, version(event)) for event in events] == [
        ("strategy:s1", 1),
        ("strategy:s2", 1),
        ("strategy:s1", 2),
    ]
    assert {(event.source, event.type, event.owner) for event in events} == {
        ("/aurelius/strategy", "aurelius.strategy.updated.v1", "me")
    }
    assert await unpublished(database) == 0
    assert await relay.relay_once() == 0


async def test_a_batch_has_a_bound(database: Database, bus: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A backlog goes out in several, and the sequence goes on across them."""
    monkeypatch.setattr(relay_module, "BATCH", 4)
    for number in range(10):
        await write(database, f"s{number}")
    relay = Relay(database, bus, "one")
    assert [await relay.relay_once() for _ in range(4)] == [4, 4, 2, 0]
    assert [event.subject for event in await published(bus)] == [f"strategy:s{number}" for number in range(10)]


async def test_each_subjects_order_holds_under_concurrent_writers(database: Database, bus: Redis) -> None:
    """20 writers, 20 writes each, 3 subjects, and the relay at work all the while: every version once, in order."""

    async def writer(number: int) -> None:
        for turn in range(20):
            subject = str((number + turn) % 3)
            await write(database, subject, owner=subject)

    async with relaying(Relay(database, bus, "one")):
        await asyncio.gather(*(writer(number) for number in range(20)))
        await eventually(lambda: is_published(bus, 400), within=10)
    events = await published(bus)
    for subject in "012":
        versions = [version(event) for event in events if event.subject == f"strategy:{subject}"]
        assert versions == list(range(1, len(versions) + 1))
        assert len(versions) > 100


async def test_a_crash_after_the_append_repeats_nothing(database: Database, bus: Redis) -> None:
    """Appended, but not marked as published: the next relay appends again, and the stream stays as it is."""
    for _ in range(5):
        await write(database)
    await Relay(database, bus, "one").relay_once()
    before = await entries(bus, STREAM)
    async with database.reading() as connection:
        await connection.execute("UPDATE outbox SET published_at = NULL WHERE sequence > 2")
        await connection.execute("DELETE FROM relay_lease")
    await write(database)
    assert await Relay(database, bus, "two").relay_once() == 4
    after = await entries(bus, STREAM)
    assert after[:5] == before
    assert len(await published(bus)) == 6
    assert await unpublished(database) == 0


async def test_a_crash_before_the_append_skips_nothing(database: Database, bus: Redis) -> None:
    """The sequences are given, the bus was lost just then: the next relay appends them under the same ids."""
    for _ in range(3):
        await write(database)

    async def lost(**_: object) -> object:
        raise RedisConnectionError

    crashed = Relay(database, bus, "one")
    crashed._appender._append = lost  # type: ignore[assignment]
    with pytest.raises(RedisConnectionError):
        await crashed.relay_once()
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(sequence) FROM outbox") == 3
    await write(database)
    assert await Relay(database, bus, "one").relay_once() == 4
    assert [version(event) for event in await published(bus)] == [1, 2, 3, 4]


async def test_a_bus_that_is_away_is_noticed_before_anything_is_given(database: Database, bus: Redis) -> None:
    """A sequence is given to what can be sent: whether the bus knows more than the database is asked before."""
    away = make_client("redis://127.0.0.1:1/0")
    await write(database)
    with pytest.raises(RedisError):
        await Relay(database, away, "one").relay_once()
    await away.aclose()
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT count(sequence) FROM outbox") == 0
    assert await Relay(database, bus, "one").relay_once() == 1


async def test_what_a_consumer_deleted_is_not_appended_again(database: Database, bus: Redis) -> None:
    """Jobs are deleted once done; a repeat of their append must not bring them back or stop the relay."""
    for _ in range(3):
        await write(database)
    relay = Relay(database, bus, "one")
    await relay.relay_once()
    await bus.xdel(STREAM, "2-0")
    async with database.reading() as connection:
        await connection.execute("UPDATE outbox SET published_at = NULL")
    await relay.relay_once()
    assert [entry.id for entry in await entries(bus, STREAM)] == [b"1-0", b"3-0"]
    assert await unpublished(database) == 0


async def test_a_foreign_entry_under_our_id_stops_publishing(
    database: Database, bus: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The database was restored behind the stream: going on would give consumers two histories. A person decides; until
    then the relay stays, says why once and not with every look, and goes on by itself afterwards.
    """
    monkeypatch.setattr(relay_module, "FORKED_SECONDS", 0.01)
    await bus.xadd(STREAM, {"id": "of another life"}, id="1-0")
    await write(database)
    relay = Relay(database, bus, "one")
    with pytest.raises(StreamForked, match=r"aurelius\.events\.strategy holds another event under 1-0"):
        await relay.relay_once()
    looks = 0

    async def looked() -> bool:
        nonlocal looks
        looks += 1
        with contextlib.suppress(Unavailable):
            await relay.check()
            return False
        return looks > 20

    async def well() -> bool:
        with contextlib.suppress(Unavailable):
            await relay.check()
            return True
        return False

    async with relaying(relay) as running:
        await eventually(looked)
        with pytest.raises(Unavailable, match="under 1-0: the database was restored behind it"):
            await relay.check()
        assert not running.done()
        assert len(await entries(bus, STREAM)) == 1
        assert await unpublished(database) == 1
        assert caplog.text.count("the outbox is not published") == 1
        await bus.delete(STREAM)
        await eventually(lambda: is_published(bus, 1))
        # The relay knows of its append once it has been answered.
        await eventually(well)
    assert "the outbox is published again" in caplog.text


async def told(relay: Relay, sentence: str) -> bool:
    """Say whether this is what the relay's check says; nothing when it passes."""
    try:
        await relay.check()
    except Unavailable as error:
        return error.detail == sentence
    return sentence == ""


async def test_what_keeps_the_outbox_is_told_by_the_check(
    database: Database, own_bus: ValkeyServer, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither server is away, and still nothing goes out: a bus that is full, a schema that is not there. What the
    server said stands behind it in the log, once.
    """
    bus = make_client(own_bus.url)
    relay = Relay(database, bus, "one")
    await write(database)
    await bus.config_set("maxmemory", "1")

    async with relaying(relay):
        await eventually(lambda: told(relay, "the bus refuses: OOM"))
        await bus.config_set("maxmemory", "0")
        await eventually(lambda: told(relay, ""))
    empty = Database(DatabaseSettings(database_url=database_url), "nowhere")
    await empty.connect()
    relay = Relay(empty, bus, "one")
    async with relaying(relay):
        await eventually(lambda: told(relay, "the database refuses: UndefinedTableError"))
    await empty.close()
    unconnected = Relay(Database(DatabaseSettings(database_url=database_url), "nowhere"), bus, "one")
    async with relaying(unconnected):
        await eventually(lambda: told(unconnected, "The database is not connected yet"))
    assert 'UndefinedTableError (relation "relay_lease" does not exist)' in caplog.text
    assert caplog.text.count("The database is not connected yet") == 1
    await bus.aclose()


async def test_a_full_bus_loses_nothing(database: Database, own_bus: ValkeyServer) -> None:
    """Refused for want of memory, with rows before and behind: all wait, and go out in order when there is room."""
    bus = make_client(own_bus.url)
    relay = Relay(database, bus, "one")
    await write(database)
    await relay.relay_once()
    for _ in range(3):
        await write(database)
    await bus.config_set("maxmemory", "1")
    with pytest.raises(RedisError, match="OOM"):
        await relay.relay_once()
    await write(database)
    async with relaying(relay) as running:
        assert await unpublished(database) == 4
        await bus.config_set("maxmemory", "0")
        await eventually(lambda: is_published(bus, 5))
        assert not running.done()
    assert [version(event) for event in await published(bus)] == [1, 2, 3, 4, 5]
    await bus.aclose()


async def test_an_append_stops_at_its_first_error(bus: Redis) -> None:
    """What follows a refused entry must wait for it: below a higher id it could never be added again."""
    script = bus.register_script(APPEND)
    await bus.xadd("stream", {"id": "a"}, id="1-0")
    good, repeated, foreign, behind = (["2", "b", "2", "id", "b"], ["1", "a", "2", "id", "a"],
                                       ["2", "x", "2", "id", "x"], ["3", "c", "2", "id", "c"])  # fmt: skip
    assert await script(keys=["stream"], args=["0", *repeated, *good, *foreign, *behind]) == [2, b"FORKED 2-0"]
    assert [entry.id for entry in await entries(bus, "stream")] == [b"1-0", b"2-0"]
    await bus.set("string", "taken")
    done, reason = await script(keys=["string"], args=["0", *good, *behind])
    assert (done, reason[:9]) == (0, b"WRONGTYPE")


async def test_one_relay_works_and_the_other_takes_over(database: Database, bus: Redis) -> None:
    """The one that holds the lease publishes; when it died without a word, the other does, some two seconds later."""
    first, second = Relay(database, bus, "first"), Relay(database, bus, "second")
    await write(database)
    assert await first.relay_once() == 1
    await write(database)
    assert await second.relay_once() == 0
    assert len(await published(bus)) == 1
    died = time.monotonic()
    async with relaying(second):
        await eventually(lambda: is_published(bus, 2), within=5)
    assert 1 < time.monotonic() - died < allowed(4)


async def test_a_relay_that_stops_hands_over_at_once(database: Database, bus: Redis) -> None:
    """A restart of the service does not cost the lease's time."""
    async with relaying(Relay(database, bus, "first")):
        await write(database)
        await eventually(lambda: is_published(bus, 1))
    await write(database)
    assert await Relay(database, bus, "second").relay_once() >= 1
    assert len(await published(bus)) == 2


async def test_two_relays_at_once_publish_once(database: Database, bus: Redis) -> None:
    """Even where both believe that the lease is theirs, as after a long pause of one of them."""
    relays = [Relay(database, bus, "same"), Relay(database, bus, "same")]
    for _ in range(30):
        await write(database)
    async with relaying(relays[0]), relaying(relays[1]):
        for _ in range(30):
            await write(database)
        await eventually(lambda: is_published(bus, 60))
    assert [version(event) for event in await published(bus)] == list(range(1, 61))


async def test_a_commit_wakes_the_relay(database: Database, bus: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """The poll is far away here, so that only the notification can bring the event in time."""
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 60.0)
    async with relaying(Relay(database, bus, "one")):
        await eventually(lambda: listening(database))
        await write(database)
        await eventually(lambda: is_published(bus, 1))


async def test_a_commit_wakes_the_relay_whatever_its_listening_failed_of(
    database: Database, bus: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even of an error that nobody thought of: it listens again, instead of leaving all to the poll."""
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 60.0)
    monkeypatch.setattr(relay_module, "LISTEN_AGAIN_SECONDS", 0.01)
    listen, errors = database.listen_connection, [ZeroDivisionError("a mistake of ours")] * 2

    async def failing() -> "asyncpg.Connection[asyncpg.Record]":
        if errors:
            raise errors.pop()
        return await listen()

    monkeypatch.setattr(database, "listen_connection", failing)
    async with relaying(Relay(database, bus, "one")):
        await eventually(lambda: listening(database))
        await write(database)
        await eventually(lambda: is_published(bus, 1))


async def test_the_poll_finds_what_no_notification_told(database: Database, bus: Redis) -> None:
    """One can be lost with its connection."""
    async with relaying(Relay(database, bus, "one")):
        await eventually(lambda: listening(database))
        async with database.reading() as connection:
            await connection.execute(
                "INSERT INTO outbox (stream, event_id, type, subject, owner, time, traceparent, data) "
                "VALUES ($1, 'e', 'aurelius.strategy.updated.v1', 's', 'o', 't', '', '{}')",
                STREAM,
            )
        await eventually(lambda: is_published(bus, 1), within=3)


async def test_the_relay_outlives_its_connections(database: Database, bus: Redis, database_url: str) -> None:
    """Postgres ended them all: events flow again, and are told by notification again."""
    async with relaying(Relay(database, bus, "one")) as running:
        await eventually(lambda: listening(database))
        killer = await asyncpg.connect(database_url)
        await killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await killer.close()

        async def written() -> bool:
            try:
                await write(database)
            except Unavailable:
                return False
            return True

        await eventually(written)
        await eventually(lambda: is_published(bus, 1))
        await eventually(lambda: listening(database))
        assert not running.done()


async def test_the_relay_outlives_the_bus(database: Database, own_bus: ValkeyServer) -> None:
    """What is written while it is away goes out when it is back; what was there before is not repeated."""
    bus = make_client(own_bus.url)
    async with relaying(Relay(database, bus, "one")) as running:
        await write(database)
        await eventually(lambda: is_published(bus, 1))
        await own_bus.kill()
        await write(database)
        await own_bus.restart()
        await write(database)
        await eventually(lambda: is_published(bus, 3))
        assert not running.done()
    assert [version(event) for event in await published(bus)] == [1, 2, 3]
    await bus.aclose()


async def test_a_job_passes_as_bare_data(database: Database, bus: Redis) -> None:
    """It is no event for outside consumers: its id for the relay, its trace, and what the worker reads."""
    async with database.transaction() as connection:
        await record(
            connection,
            stream=JOBS_BACKTEST,
            event_type="backtest",
            subject="backtest:1",
            owner="me",
            time="2026-01-02T03:04:05Z",
            traceparent="00-trace",
            data=b'{"id":"1"}',
        )
    await write(database)
    assert await Relay(database, bus, "one").relay_once() == 2
    (job,) = await entries(bus, JOBS_BACKTEST)
    assert job.id == b"1-0"
    assert set(job.fields) == {b"id", b"data", b"traceparent"}
    assert (job.fields[b"data"], job.fields[b"traceparent"]) == (b'{"id":"1"}', b"00-trace")
    assert len(await published(bus)) == 1

"""How long events stay: on the stream, and in the outbox that it may have to be rebuilt from."""

import logging

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from shared.contracts.streams import JOBS_BACKTEST
from shared.runtime.bus.connection import make_client
from shared.runtime.database import Database
from shared.runtime.relay import Relay
from shared.runtime.relaying import retention
from shared.runtime.relaying.retention import DAY, Keeping
from shared.runtime.tests.announcing import STREAM, wake_up, write
from shared.runtime.tests.bus_state import entries, next_entries
from shared.runtime.tests.relays import relay_all, stored
from tests.servers import ValkeyServer

pytestmark = pytest.mark.integration


async def grow_old(database: Database, days: float, *, up_to: int = 1_000_000) -> None:
    """Have been published so many days ago."""
    async with database.reading() as connection:
        await connection.execute(
            "UPDATE outbox SET published_at = now() - make_interval(secs => $1) WHERE sequence <= $2",
            *(days * DAY, up_to),
        )


async def take(bus: Redis, group: str, number: int) -> None:
    """Read so many events, and acknowledge them."""
    found = await next_entries(bus, STREAM, group, number)
    await bus.xack(STREAM, group, *(entry.id for entry in found))


async def on_stream(bus: Redis, stream: str = STREAM) -> list[int]:
    """Return the sequences of what is there."""
    return [int(entry.id.partition(b"-")[0]) for entry in await entries(bus, stream)]


async def in_outbox(database: Database) -> list[int]:
    """Return the sequences of the rows."""
    async with database.reading() as connection:
        return [row["sequence"] for row in await connection.fetch("SELECT sequence FROM outbox ORDER BY sequence")]


async def events(database: Database, bus: Redis, number: int) -> Relay:
    """Publish so many; returns the relay."""
    for _ in range(number):
        await write(database)
    relay = Relay(database, bus, "one")
    await relay_all(relay)
    return relay


async def test_events_stay_for_their_days(database: Database, bus: Redis) -> None:
    """Though nobody reads them; then they go, from the stream and from the outbox."""
    relay = await events(database, bus, 6)
    await grow_old(database, 6.9)
    await relay_all(relay)
    assert await on_stream(bus) == [1, 2, 3, 4, 5, 6]
    await grow_old(database, 7.1, up_to=4)
    await relay_all(relay)
    assert await on_stream(bus) == await in_outbox(database) == [5, 6]
    await grow_old(database, 8)
    await write(database)
    await relay_all(relay)
    assert await on_stream(bus) == await in_outbox(database) == [7]


async def test_the_days_are_those_of_the_settings(database: Database, bus: Redis) -> None:
    """Two here, and three for groups that owe."""
    await events(database, bus, 4)
    await bus.xgroup_create(STREAM, "readers", id="2")
    relay = Relay(database, bus, "one", Keeping(kept=2 * DAY, owed=3 * DAY))
    await grow_old(database, 2.1)
    await relay_all(relay)
    assert await on_stream(bus) == [3, 4]
    await grow_old(database, 3.1)
    await relay_all(relay)
    assert await on_stream(bus) == []
    assert await bus.xinfo_groups(STREAM) == []


async def test_what_a_group_owes_stays(database: Database, bus: Redis, caplog: pytest.LogCaptureFixture) -> None:
    """What it was not given, and what it was given and has not acknowledged; the log tells who it is, once."""
    relay = await events(database, bus, 8)
    await bus.xgroup_create(STREAM, "quick", id="0")
    await bus.xgroup_create(STREAM, "slow", id="0")
    await take(bus, "quick", 8)
    await take(bus, "slow", 3)
    (_, fifth) = await next_entries(bus, STREAM, "slow", 2)
    await bus.xack(STREAM, "slow", fifth.id)
    await grow_old(database, 20)
    for _ in range(3):
        await relay_all(relay)
    assert await on_stream(bus) == await in_outbox(database) == [4, 5, 6, 7, 8]
    assert caplog.text.count("slow of aurelius.events.strategy has not acknowledged events of 20.0 days ago") == 1
    assert "quick" not in caplog.text
    await bus.xack(STREAM, "slow", "4-0")
    await take(bus, "slow", 1)
    await relay_all(relay)
    assert await on_stream(bus) == await in_outbox(database) == [7, 8]


async def test_a_group_that_owes_too_old_events_is_dropped(
    database: Database, bus: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    """With an error in the log and a figure; those that owe nothing so old stay, and so does what they owe."""
    relay = await events(database, bus, 6)
    for group, taken in (("dead", 1), ("slow", 4), ("quick", 6)):
        await bus.xgroup_create(STREAM, group, id="0")
        await take(bus, group, taken)
    await grow_old(database, 29.9)
    await relay_all(relay)
    assert await on_stream(bus) == [2, 3, 4, 5, 6]
    await grow_old(database, 30.1, up_to=3)
    await relay_all(relay)
    assert await on_stream(bus) == await in_outbox(database) == [5, 6]
    assert {group["name"] for group in await bus.xinfo_groups(STREAM)} == {b"slow", b"quick"}
    assert await stored(database) == {b"slow": 4, b"quick": 6}
    (error,) = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert error == (
        "the group dead of aurelius.events.strategy is dropped: "
        "it has acknowledged up to 1, and what it owes is older than 30 days"
    )
    assert relay.retention.dropped == {(STREAM, "time"): 1}


async def test_a_group_that_fills_the_bus_is_dropped(
    database: Database, own_bus: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Its stream may take a quarter of the server's memory: what all have acknowledged goes early, then the group that
    is furthest behind goes, and no more than has to.
    """
    bus = make_client(own_bus.url)
    relay = await events(database, bus, 300)
    for group, taken in (("dead", 50), ("slow", 200), ("quick", 300)):
        await bus.xgroup_create(STREAM, group, id="0")
        await take(bus, group, taken)
    takes = int(await bus.memory_usage(STREAM) or 0)
    await bus.config_set("maxmemory", 4 * takes + 10_000)
    await relay_all(relay)
    assert len(await on_stream(bus)) == 300
    await bus.config_set("maxmemory", 4 * takes * 7 // 10)
    await relay_all(relay)
    assert await on_stream(bus) == await in_outbox(database) == list(range(201, 301))
    assert {group["name"] for group in await bus.xinfo_groups(STREAM)} == {b"slow", b"quick"}
    assert "it has acknowledged up to 50, and what it owes takes more than 1/4 of the bus's memory" in caplog.text
    await bus.aclose()


async def test_a_group_made_meanwhile_is_not_passed(database: Database, bus: Redis) -> None:
    """Between the look at the groups and the cut: the cut looks for itself."""
    relay = await events(database, bus, 5)
    await grow_old(database, 8)
    trim = relay.retention._trim

    async def after_another(*, keys: list[str], args: list[object]) -> object:
        await bus.xgroup_create(STREAM, "new", id="2")
        return await trim(keys=keys, args=args)  # type: ignore[arg-type]

    relay.retention._trim = after_another  # type: ignore[assignment]
    await relay_all(relay)
    assert await on_stream(bus) == await in_outbox(database) == [3, 4, 5]


async def test_a_wiped_bus_does_not_make_rows_old(database: Database, bus: Redis) -> None:
    """Between the look and the cut all groups were lost: what they owed is still in the outbox, and comes back."""
    relay = await events(database, bus, 5)
    await bus.xgroup_create(STREAM, "readers", id="0")
    await take(bus, "readers", 3)
    await relay_all(relay)
    await grow_old(database, 8)
    trim = relay.retention._trim

    async def after_a_wipe(*, keys: list[str], args: list[object]) -> object:
        await bus.flushall()
        return await trim(keys=keys, args=args)  # type: ignore[arg-type]

    relay.retention._trim = after_a_wipe  # type: ignore[assignment]
    await relay.relay_once(keep=True)
    relay.retention._trim = trim
    await relay_all(relay)
    assert [entry.id for entry in await next_entries(bus, STREAM, "readers", 10)] == [b"4-0", b"5-0"]


async def test_what_is_not_published_is_not_old(database: Database, bus: Redis) -> None:
    """It waits for the bus, however long."""
    relay = Relay(database, bus, "one", Keeping(kept=0.0, owed=0.0))
    away = make_client("redis://127.0.0.1:1/0")
    await write(database)
    with pytest.raises(RedisError):
        await Relay(database, away, "one").relay_once()
    await away.aclose()
    assert await in_outbox(database) == [None]
    await relay.relay_once()
    await relay_all(relay)
    assert await in_outbox(database) == []


async def test_much_goes_in_batches(database: Database, bus: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its own, and publishing goes on between them."""
    monkeypatch.setattr(retention, "BATCH", 2)
    relay = await events(database, bus, 5)
    await grow_old(database, 8)
    await write(database)
    assert await relay.relay_once(keep=True) == 1
    assert relay.more
    assert await on_stream(bus) == [3, 4, 5, 6]
    await relay_all(relay)
    assert await on_stream(bus) == [6]


async def test_floors_are_written_when_they_change(database: Database, bus: Redis) -> None:
    """Also downwards: a group that was set back reads again what it had, and would miss it if it were lost before."""
    relay = await events(database, bus, 5)
    await bus.xgroup_create(STREAM, "readers", id="0")
    await take(bus, "readers", 4)
    await relay_all(relay)
    assert await stored(database) == {b"readers": 4}
    async with database.reading() as connection:
        before = await connection.fetchval("SELECT xmin::text FROM group_floor")
    await relay_all(relay)
    async with database.reading() as connection:
        assert await connection.fetchval("SELECT xmin::text FROM group_floor") == before
    await bus.xgroup_setid(STREAM, "readers", "1")
    await relay_all(relay)
    assert await stored(database) == {b"readers": 1}


async def test_what_cannot_be_trimmed_is_published_all_the_same(
    database: Database, own_bus: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A user of a release before may not do it yet: the log says so, once."""
    operator = make_client(own_bus.url)
    await operator.acl_setuser("old", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-xpending"])
    bus = make_client(own_bus.url.replace("operator", "old"))
    relay = await events(database, bus, 1)
    await bus.xgroup_create(STREAM, "readers", id="0")
    for _ in range(3):
        await write(database)
        await relay_all(relay)
    assert await on_stream(bus) == [1, 2, 3, 4]
    assert caplog.text.count("the streams cannot be trimmed") == 1
    await bus.aclose()
    await operator.aclose()


async def test_wake_ups_of_jobs_go_after_an_hour(database: Database, bus: Redis) -> None:
    """Whether a worker had them or not: the rows of jobs say what there is to do."""
    for number in range(4):
        await wake_up(database, number)
    relay = Relay(database, bus, "one")
    await relay_all(relay)
    await bus.xgroup_create(JOBS_BACKTEST, "workers", id="0")
    await grow_old(database, 0.9 / 24)
    await relay_all(relay)
    assert await on_stream(bus, JOBS_BACKTEST) == [1, 2, 3, 4]
    await grow_old(database, 1.1 / 24, up_to=3)
    await relay_all(relay)
    assert await on_stream(bus, JOBS_BACKTEST) == await in_outbox(database) == [4]
    await bus.flushall()
    await grow_old(database, 1)
    await relay_all(relay)
    assert await in_outbox(database) == []

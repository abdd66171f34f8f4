"""A bus that has lost events: they come back under their ids, groups before them; nobody who reads misses one."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.contracts.errors import Unavailable
from shared.contracts.events import CloudEvent
from shared.contracts.streams import JOBS_BACKTEST
from shared.runtime import relay as relay_module
from shared.runtime.bus.connection import make_client
from shared.runtime.bus.groups import ensure_group
from shared.runtime.database import Database
from shared.runtime.relay import Relay
from shared.runtime.relaying import rebuild
from shared.runtime.relaying.append import StreamForked
from shared.runtime.tests.announcing import STREAM, published, unpublished, wake_up, write
from shared.runtime.tests.bus_state import entries, next_entries
from shared.runtime.tests.eventually import eventually
from shared.runtime.tests.relays import relay_all, relaying, stored
from tests.servers import ValkeyServer

pytestmark = pytest.mark.integration


async def take(bus: Redis, group: str, number: int, *, acknowledge: bool = True) -> list[int]:
    """Read so many events through a group at most; returns their sequences."""
    found = await next_entries(bus, STREAM, group, number)
    if found and acknowledge:
        await bus.xack(STREAM, group, *(entry.id for entry in found))
    return [CloudEvent.from_entry(entry.fields).sequence for entry in found]


async def flush(bus: Redis) -> None:
    """Wipe the bus."""
    await bus.flushall()


async def delete(bus: Redis) -> None:
    """Delete the stream, and its groups with it."""
    await bus.delete(STREAM)


async def relayed(database: Database, bus: Redis, number: int) -> Relay:
    """Write so many events and publish them; returns the relay that did."""
    relay = Relay(database, bus, "one")
    for _ in range(number):
        await write(database)
    await relay_all(relay)
    return relay


@pytest.mark.parametrize("lose", [flush, delete])
async def test_what_was_lost_comes_back(
    database: Database, bus: Redis, lose: Callable[[Redis], Awaitable[None]]
) -> None:
    """The same entries under the same ids, and each group goes on behind what it had acknowledged: what it had been
    given and not acknowledged comes again.
    """
    relay = await relayed(database, bus, 10)
    before = await entries(bus, STREAM)
    for group in ("early", "late", "busy"):
        await bus.xgroup_create(STREAM, group, id="0")
    await take(bus, "early", 2)
    await take(bus, "late", 10)
    await take(bus, "busy", 3)
    await take(bus, "busy", 4, acknowledge=False)
    await relay_all(relay)
    assert await stored(database) == {b"early": 2, b"late": 10, b"busy": 3}
    await lose(bus)
    await write(database)
    await relay_all(relay)
    after = await entries(bus, STREAM)
    assert after[:10] == before
    assert [event.sequence for event in await published(bus)] == list(range(1, 12))
    assert await take(bus, "early", 100) == list(range(3, 12))
    assert await take(bus, "late", 100) == [11]
    assert await take(bus, "busy", 100) == list(range(4, 12))
    assert relay.rebuild.rebuilt == {STREAM: 10}


async def test_another_relay_finds_the_loss(database: Database, bus: Redis) -> None:
    """The bus was wiped while no relay ran; nobody writes, and still all comes back."""
    for _ in range(3):
        await write(database)
    await relay_all(Relay(database, bus, "one"))
    await bus.flushall()
    await relay_all(Relay(database, bus, "one"))
    assert len(await published(bus)) == 3


async def test_a_running_relay_notices_at_once(database: Database, bus: Redis) -> None:
    """Nothing is written: it looks by itself."""
    async with relaying(Relay(database, bus, "one")):
        for _ in range(5):
            await write(database)

        async def whole() -> bool:
            return len(await published(bus)) == 5

        await eventually(whole)
        await bus.flushall()
        await eventually(whole, within=3)


async def test_a_rebuild_in_batches_is_whole_at_its_end(
    database: Database, bus: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also when the last batch is a full one; what is new waits until then, and it is told once."""
    monkeypatch.setattr(rebuild, "BATCH", 4)
    for lost in (8, 10):
        relay = await relayed(database, bus, lost)
        await bus.flushall()
        await write(database)
        assert await relay.relay_once() == 0
        assert [event.sequence for event in await published(bus)] == [1, 2, 3, 4]
        await relay_all(relay)
    assert len(await published(bus)) == 20
    assert caplog.text.count("the bus has lost events of aurelius.events.strategy") == 2
    assert "is whole again: 8 events" in caplog.text
    assert "is whole again: 19 events" in caplog.text


async def test_a_loss_in_the_middle_of_a_rebuild(
    database: Database, bus: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wiped again before it is whole: it begins anew, and groups that readers made meanwhile are welcome."""
    monkeypatch.setattr(rebuild, "BATCH", 2)
    relay = await relayed(database, bus, 6)
    await bus.xgroup_create(STREAM, "readers", id="0")
    await take(bus, "readers", 3)
    await relay_all(relay)
    for _ in range(2):
        await bus.flushall()
        await relay.relay_once()
    await bus.flushall()
    await bus.xgroup_create(STREAM, "readers", id="0", mkstream=True)
    await relay_all(relay)
    assert await take(bus, "readers", 100) == [1, 2, 3, 4, 5, 6]


class Wiping:
    """The script that appends, before whose first run the bus is wiped."""

    def __init__(self, relay: Relay, bus: Redis) -> None:
        self._script = relay._appender._append
        self._bus = bus
        self._times = 0

    async def __call__(self, *, keys: list[str], args: list[str | bytes]) -> object:
        """Run the script."""
        self._times += 1
        if self._times == 1:
            await self._bus.flushall()
        return await self._script(keys=keys, args=args)


async def test_a_loss_between_look_and_append_makes_no_hole(database: Database, bus: Redis) -> None:
    """The append itself refuses to go on after what is not there any more."""
    relay = await relayed(database, bus, 3)
    await write(database)
    relay._appender._append = Wiping(relay, bus)  # type: ignore[assignment]
    await relay.relay_once()
    assert await bus.exists(STREAM) == 0
    await relay_all(relay)
    assert [event.sequence for event in await published(bus)] == [1, 2, 3, 4]
    assert await unpublished(database) == 0


async def test_a_loss_between_look_and_append_of_a_rebuild(
    database: Database, bus: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends neither the relay nor its process: the next pass begins the rebuild anew."""
    monkeypatch.setattr(rebuild, "BATCH", 2)
    relay = await relayed(database, bus, 6)
    await bus.flushall()
    await relay.relay_once()  # the first batch of the rebuild
    relay._appender._append = Wiping(relay, bus)  # type: ignore[assignment]

    async def whole() -> bool:
        return [event.sequence for event in await published(bus)] == [1, 2, 3, 4, 5, 6]

    async with relaying(relay):
        await eventually(whole)


async def test_a_bus_that_went_back_to_an_older_file(database: Database, own_bus: ValkeyServer) -> None:
    """Groups that it does not know are made where they were; those that it knows have what they have not acknowledged
    there come again.
    """
    bus = make_client(own_bus.url)
    relay = await relayed(database, bus, 4)
    await bus.xgroup_create(STREAM, "old", id="0")
    await take(bus, "old", 2)
    copy = await own_bus.copy()
    await take(bus, "old", 2)
    await bus.xgroup_create(STREAM, "new", id="0")
    for _ in range(4):
        await write(database)
    await relay_all(relay)
    await take(bus, "new", 7)
    await take(bus, "old", 1)
    await relay_all(relay)
    assert await stored(database) == {b"old": 5, b"new": 7}
    await own_bus.roll_back(copy)
    assert len(await entries(bus, STREAM)) == 4
    await write(database)
    with contextlib.suppress(OSError, ConnectionError, Unavailable):
        await relay_all(relay)
    await relay_all(relay)
    assert [event.sequence for event in await published(bus)] == list(range(1, 10))
    assert await take(bus, "old", 100) == [3, 4, 5, 6, 7, 8, 9]
    assert await take(bus, "new", 100) == [8, 9]
    await bus.aclose()


async def test_groups_that_a_restart_lost_are_there_before_anything_new(
    database: Database, own_bus: ValkeyServer
) -> None:
    """No event is missing, but the server is not the one of before: a reader that made its group at the end now would
    miss what comes meanwhile.
    """
    bus = make_client(own_bus.url)
    relay = await relayed(database, bus, 4)
    copy = await own_bus.copy()
    await bus.xgroup_create(STREAM, "readers", id="0")
    await take(bus, "readers", 3)
    await relay_all(relay)
    await own_bus.roll_back(copy)
    await write(database)
    await relay_all(relay)
    assert await take(bus, "readers", 100) == [4, 5]
    await bus.aclose()


async def test_a_group_that_was_removed_stays_removed(database: Database, bus: Redis) -> None:
    """By a person who does not want it any more: it is forgotten, and a later loss does not bring it back."""
    relay = await relayed(database, bus, 1)
    for group in ("kept", "removed"):
        await bus.xgroup_create(STREAM, group, id="0")
    await relay_all(relay)
    assert set(await stored(database)) == {b"kept", b"removed"}
    await bus.xgroup_destroy(STREAM, "removed")
    await relay_all(relay)
    assert set(await stored(database)) == {b"kept"}
    await bus.flushall()
    await relay_all(relay)
    assert [group["name"] for group in await bus.xinfo_groups(STREAM)] == [b"kept"]


async def test_a_group_of_any_name_and_place(database: Database, bus: Redis) -> None:
    """No text at all, and far behind the stream's end: neither stops the relay."""
    relay = await relayed(database, bus, 1)
    await bus.xgroup_create(STREAM, b"\xff\x00", id="18446744073709551615-7")
    await relay_all(relay)
    assert await stored(database) == {b"\xff\x00": 1}
    await bus.flushall()
    await relay_all(relay)
    assert [group["name"] for group in await bus.xinfo_groups(STREAM)] == [b"\xff\x00"]


async def test_what_is_in_the_outbox_no_more_is_not_missed(database: Database, bus: Redis) -> None:
    """Everybody had it long ago: the stream goes on behind it, and groups are where they were."""
    relay = await relayed(database, bus, 5)
    await bus.xgroup_create(STREAM, "readers", id="0")
    await take(bus, "readers", 5)
    await relay_all(relay)
    for keep_from in (4, 6):
        async with database.reading() as connection:
            await connection.execute("DELETE FROM outbox WHERE sequence < $1", keep_from)
        await bus.flushall()
        await relay_all(relay)
        found = [entry.id for entry in await entries(bus, STREAM)]
        assert found == [f"{number}-0".encode() for number in range(keep_from, 6)]
    await write(database)
    await relay_all(relay)
    assert [entry.id for entry in await entries(bus, STREAM)] == [b"6-0"]
    assert await take(bus, "readers", 100) == [6]


async def test_a_database_that_went_back_is_noticed_at_once(
    database: Database, bus: Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The bus has more than it: nobody has written since, so that no id has collided yet. Nothing is given a sequence
    until a person has emptied the bus; then all that is there goes out.
    """
    monkeypatch.setattr(relay_module, "FORKED_SECONDS", 0.01)
    for _ in range(5):
        await write(database)
    await relay_all(Relay(database, bus, "one"))
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM outbox WHERE sequence > 2")
        await connection.execute("UPDATE stream_sequence SET last = 2")
    relay = Relay(database, bus, "one")
    with pytest.raises(StreamForked, match="holds another event under 5-0: the database was restored behind it"):
        await relay.relay_once()
    async with relaying(relay):

        async def told() -> bool:
            return any(record.levelno == logging.CRITICAL for record in caplog.records)

        await eventually(told)
        await write(database)
        assert await unpublished(database) == 1
        await bus.flushall()

        async def whole() -> bool:
            return len(await published(bus)) == 3

        await eventually(whole)


async def test_a_database_that_went_back_to_its_beginning(database: Database, bus: Redis) -> None:
    """It has given no sequence at all, and what the bus began with is trimmed: the first event must not be taken for
    one that is there already.
    """
    await bus.xadd(STREAM, {"id": "of another life"}, id="7-0")
    await write(database)
    with pytest.raises(StreamForked, match="under 7-0"):
        await Relay(database, bus, "one").relay_once()
    assert await unpublished(database) == 1


async def test_two_histories_of_one_length_are_told_apart(database: Database, bus: Redis) -> None:
    """By the id of the newest event, whoever is ahead."""
    for _ in range(2):
        await write(database)
    await relay_all(Relay(database, bus, "one"))
    await bus.delete(STREAM)
    await bus.xadd(STREAM, {"id": "of another life"}, id="1-0")
    with pytest.raises(StreamForked, match="under 1-0"):
        await Relay(database, bus, "one").relay_once()


async def test_jobs_go_on_after_a_wiped_bus(database: Database, bus: Redis) -> None:
    """Those of before are rows that workers find by themselves; new ones wake them again."""
    relay = Relay(database, bus, "one")
    for number in range(3):
        await wake_up(database, number)
    await relay_all(relay)
    await bus.flushall()
    await relay_all(relay)
    assert await bus.exists(JOBS_BACKTEST) == 0
    await wake_up(database, 3)
    await relay_all(relay)
    assert [entry.id for entry in await entries(bus, JOBS_BACKTEST)] == [b"4-0"]


@contextlib.asynccontextmanager
async def reading(bus: Redis, seen: dict[int, set[str]]) -> AsyncIterator[None]:
    """A consumer as the documentation has it, which notes the id of each event under its sequence."""

    async def read() -> None:
        while True:
            await ensure_group(bus, STREAM, "readers")
            with contextlib.suppress(ResponseError):  # the group is gone
                while True:
                    for entry in await next_entries(bus, STREAM, "readers", 3, block=50):
                        event = CloudEvent.from_entry(entry.fields)
                        seen.setdefault(event.sequence, set()).add(event.id)
                        await bus.xack(STREAM, "readers", entry.id)

    task = asyncio.create_task(read())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_consumer_misses_nothing_whatever_is_lost(
    database: Database, bus: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written, lost in every way, and read all at once: each event is seen, and every repeat has the id of before."""
    monkeypatch.setattr(relay_module, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 0.05)
    seen: dict[int, set[str]] = {}
    total = 300

    async def lose() -> None:
        for number in range(12):
            await asyncio.sleep(0.05)
            await (bus.flushall, lambda: bus.delete(STREAM), lambda: bus.xgroup_destroy(STREAM, "readers"))[
                number % 3
            ]()

    async with reading(bus, seen), relaying(Relay(database, bus, "one")):
        losing = asyncio.create_task(lose())
        for _ in range(total):
            await write(database)
        await losing

        async def complete() -> bool:
            return len(seen) == total

        await eventually(complete, within=10)
    assert all(len(ids) == 1 for ids in seen.values())

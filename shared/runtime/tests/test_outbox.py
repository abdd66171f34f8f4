"""The end of every write."""

import asyncio

import msgspec
import pytest

from shared.contracts.clock import SystemClock
from shared.contracts.events import StrategyUpdated
from shared.contracts.objects import strategies_object, strategy_object
from shared.runtime.database import Database
from shared.runtime.outbox import Announcement, announce, announce_all
from shared.runtime.tests.announcing import write

pytestmark = pytest.mark.integration


async def rows(database: Database) -> list[dict[str, object]]:
    """Return the outbox in order."""
    async with database.reading() as connection:
        return [dict(row) for row in await connection.fetch("SELECT * FROM outbox ORDER BY id")]


async def versions(database: Database) -> dict[str, int]:
    """Return the version of every object."""
    async with database.reading() as connection:
        return {row["object"]: row["version"] for row in await connection.fetch("SELECT * FROM object_version")}


async def test_a_write_raises_its_objects_and_records_their_versions(database: Database) -> None:
    """From 1, by one a write; the event names the new version of everything that changed."""
    assert await write(database) == {"strategy:s1": 1, "strategies:me": 1}
    assert await write(database, "s2") == {"strategy:s2": 1, "strategies:me": 2}
    assert await write(database) == {"strategy:s1": 2, "strategies:me": 3}
    assert await versions(database) == {"strategy:s1": 2, "strategy:s2": 1, "strategies:me": 3}
    last = (await rows(database))[-1]
    data = last["data"]
    assert isinstance(data, bytes)
    assert msgspec.json.decode(data, type=StrategyUpdated) == StrategyUpdated(
        id="s1", owner="me", version=2, changed=["name"], objects={"strategy:s1": 2, "strategies:me": 3}
    )
    assert last["stream"] == "aurelius.events.strategy"
    assert last["type"] == "aurelius.strategy.updated.v1"
    assert (last["subject"], last["owner"]) == ("strategy:s1", "me")
    assert str(last["time"]).endswith("Z")
    assert (last["sequence"], last["published_at"]) == (None, None)


async def write_and_fail(database: Database) -> None:
    """Announce, and then find that it cannot be."""
    async with database.transaction() as connection:
        event = StrategyUpdated(id="s1", owner="me", version=0)
        await announce(connection, event, [strategy_object("s1")], clock=SystemClock())
        raise LookupError


async def test_what_is_rolled_back_was_never_announced(database: Database) -> None:
    """Versions and event belong to the transaction of the write: no trace is left, and no version is used up."""
    with pytest.raises(LookupError):
        await write_and_fail(database)
    assert await rows(database) == []
    assert await versions(database) == {}
    assert await write(database) == {"strategy:s1": 1, "strategies:me": 1}


async def test_every_event_has_an_id_of_its_own(database: Database) -> None:
    """Consumers deduplicate by it."""
    for _ in range(3):
        await write(database)
    assert len({row["event_id"] for row in await rows(database)}) == 3


async def test_objects_in_any_order_do_not_deadlock(database: Database) -> None:
    """Two writers that raise the same objects, one naming them backwards, wait for each other and both commit."""
    objects = [strategy_object(str(number)) for number in range(1000)]

    async def raise_all(named: list[str]) -> None:
        for _ in range(5):
            async with database.transaction() as connection:
                event = StrategyUpdated(id="x", owner="me", version=0)
                await announce(connection, event, named, clock=SystemClock())

    await asyncio.gather(raise_all(objects), raise_all(objects[::-1]))
    assert set((await versions(database)).values()) == {10}


async def test_one_subjects_events_are_recorded_in_the_order_of_their_versions(database: Database) -> None:
    """The lock on the version is taken before the outbox gives its number, whoever commits when."""
    await asyncio.gather(*(write(database) for _ in range(40)))
    recorded = [row["data"] for row in await rows(database)]
    found = [msgspec.json.decode(data, type=StrategyUpdated).version for data in recorded if isinstance(data, bytes)]
    assert found == list(range(1, 41))


async def test_an_object_named_twice_is_raised_once(database: Database) -> None:
    """As when an entity is its own collection."""
    async with database.transaction() as connection:
        event = StrategyUpdated(id="s1", owner="me", version=0)
        objects = [strategy_object("s1"), strategies_object("me"), strategy_object("s1")]
        assert await announce(connection, event, objects, clock=SystemClock()) == {
            "strategy:s1": 1,
            "strategies:me": 1,
        }


async def test_what_a_transaction_changes_is_announced_at_once(database: Database) -> None:
    """Each event has the versions of its own objects, in the order in which they are told; what several show is raised
    once.
    """
    told = [change(name) for name in ("s2", "s3", "s1")]
    async with database.transaction() as connection:
        versions = await announce_all(connection, told, clock=SystemClock(), traceparent="00-1")
    shown = {"strategy:s2": 1, "strategies:me": 1, "strategy:s3": 1, "strategy:s1": 1}
    assert (versions, list(versions)) == (shown, list(shown))
    found = await rows(database)
    assert [row["subject"] for row in found] == ["strategy:s2", "strategy:s3", "strategy:s1"]
    assert len({row["event_id"] for row in found}) == 3
    assert {(row["stream"], row["type"], row["owner"], row["traceparent"], row["sequence"]) for row in found} == {
        ("aurelius.events.strategy", "aurelius.strategy.updated.v1", "me", "00-1", None)
    }
    events = [msgspec.json.decode(row["data"], type=StrategyUpdated) for row in found if isinstance(row["data"], bytes)]
    assert [(event.id, event.version) for event in events] == [("s2", 1), ("s3", 1), ("s1", 1)]
    assert events[2].objects == {"strategy:s1": 1, "strategies:me": 1}


async def test_nothing_to_announce_is_no_statement(database: Database) -> None:
    """And leaves the transaction free to announce what else there is."""
    async with database.transaction() as connection:
        assert await announce_all(connection, [], clock=SystemClock()) == {}
        assert await announce_all(connection, [change("s1")], clock=SystemClock()) != {}
    assert len(await rows(database)) == 1


async def test_who_announces_twice_is_stopped(database: Database) -> None:
    """It would lock objects in an order of its own, and deadlock some day with somebody who sorts them."""
    with pytest.raises(RuntimeError, match="at once"):
        await announce_twice(database)
    assert await rows(database) == []


async def announce_twice(database: Database) -> None:
    """Announce one change, and then another."""
    async with database.transaction() as connection:
        for name in ("s2", "s1"):
            await announce_all(connection, [change(name)], clock=SystemClock())


def change(name: str) -> Announcement:
    """A change of a strategy."""
    return Announcement(
        StrategyUpdated(id=name, owner="me", version=0), (strategy_object(name), strategies_object("me"))
    )

"""The end of every write."""

import asyncio

import msgspec
import pytest

from shared.contracts.clock import SystemClock
from shared.contracts.events import StrategyUpdated
from shared.contracts.objects import strategies_object, strategy_object
from shared.runtime.database import Database
from shared.runtime.outbox import announce
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
